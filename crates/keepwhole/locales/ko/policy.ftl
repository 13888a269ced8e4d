# 정책 백테스트.
backtest-title = { $file } 백테스트
backtest-count = 저널의 요청 { $count }건을 새 정책에 적용했습니다.
backtest-then = 당시 판정
backtest-now = 새 정책 판정
backtest-requests = 요청 수
backtest-value = 금액
backtest-examples = 예
backtest-cleared = 승인
backtest-approvals = 담당자 승인 필요
backtest-held = 보류
backtest-denied = 거절
backtest-unvalued = (금액을 알 수 없는 { $count }건 별도)
backtest-unknown = 알 수 없는 수치(채워 넣지 않고 요청에 불리하게 계산)
backtest-beside = 잔고, 지갑 한도, 중단 등 규칙 밖의 검사는 당시 그대로 둡니다.
backtest-picture = 당시 판정과 새 정책 판정별 금액
backtest-picture-desc = 판정 쌍마다 막대 하나이며 길이는 금액입니다. 빗금 막대는 판정이 달라지는 요청입니다. 아래 표가 같은 내용을 말합니다.
backtest-caption = 빗금: 새 정책에서 판정이 달라짐. 숫자: 요청 수와 금액.
