### The frame of every page: navigation, banner, evidence line.

frame-skip = 본문으로 건너뛰기
frame-tagline = 이용자 자산을 온전하게
frame-nav = 주 메뉴
frame-as-of = 기준 시각:
nav-overview = 개요
nav-incidents = 사고
nav-guard = 출금·지급 통제
nav-approve = 승인
nav-policy = 정책
nav-people = 사람과 권한
nav-customers = 이용자 조회
nav-journal = 기록부
nav-report = 보고서
banner-normal = 정상 운영: 중지된 것이 없습니다.
banner-tripped = 차단 작동 중:
banner-since = 중지 시각:
banner-unseen = 서명되었으나 보이지 않는 요청 { $count }건: 취소 방법
banner-exercise = 시연·훈련:
banner-unknown = 운영 상태를 알 수 없습니다.
footer-heading = 이 화면의 근거
footer-size = 기록 건수
footer-root = 머클 트리 루트 (SHA-256)
footer-verify = 직접 확인하는 방법:
footer-no-head = 이 화면은 기록을 근거로 하지 않거나, 지금은 기록을 읽을 수 없습니다.
footer-advice = 이 화면은 법률 자문이 아닙니다. 의무마다 출처와 시행 상태를 함께 표시합니다.
banner-made-up = 이용자는 모두 가상이며 실제 사람과 관계가 없습니다
