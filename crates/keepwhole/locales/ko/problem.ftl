### Pages that say what is wrong and what to do next.

problem-not-found = 찾을 수 없습니다
problem-bad-request = 요청을 처리할 수 없습니다
problem-unavailable = 지금은 답할 수 없습니다
problem-home = 개요로 이동
problem-no-page = 이 주소에는 화면이 없습니다. 위 메뉴에서 다시 선택하십시오.
problem-no-incident = ‘{ $id }’ 식별자의 사고는 이 기록부에 없습니다. 사고 목록에서 선택하십시오.
problem-no-request = ‘{ $id }’ 식별자의 요청은 이 기록부에 없습니다. 요청 목록에서 선택하십시오.
problem-no-report = 이 설치에는 보고서(report.html)가 없습니다. 시연이나 훈련을 실행하면 만들어집니다.
problem-from = 기록 번호 ‘{ $from }’은(는) 0 이상의 정수가 아닙니다. 예: /journal?from=0
problem-state = ‘{ $state }’(이)라는 상태는 없습니다. held, denied, cleared, redeemed, seen, lapsed 가운데 하나여야 합니다.
problem-version = 정책 번호 ‘{ $version }’은(는) 0 이상의 정수가 아닙니다.
problem-query = 주소의 질의 부분을 읽을 수 없습니다. 각 항목은 한 번만 쓰고 UTF-8로 적으십시오.
problem-path = 주소의 식별자를 읽을 수 없습니다. UTF-8로 적으십시오.
problem-foreign-host = 이 콘솔은 이 컴퓨터의 이름(localhost, 127.0.0.1)이나 패스키를 쓰는 주소로 온 요청에만 답합니다.
problem-too-long = 주소가 너무 깁니다. 1,024바이트 이하로 줄이십시오.
problem-body = 이 주소는 본문이 있는 요청을 받지 않습니다.
problem-method = 이 주소는 그 방식의 요청을 받지 않습니다.
problem-source = 기록을 읽을 수 없습니다: { $why }
problem-slow = 답을 만드는 데 시간이 너무 오래 걸려 중단했습니다. 잠시 뒤 다시 시도하십시오.
problem-day = { $day }은(는) 날짜가 아닙니다. 2026-10-01처럼 쓰십시오.
problem-policy = 정책 { $policy }을(를) 알아볼 수 없습니다. version-2 또는 proposal-제안 이름으로 쓰십시오.
