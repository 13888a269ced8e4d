### Titles, descriptions and captions of the pictures.

picture-timeline = 사고 경과와 의무별 시간
picture-timeline-desc = { $from }부터 { $until }까지 사건 { $events }개와 의무 { $clocks }개를 한 축에 나타냅니다. 같은 내용이 아래 목록과 표에 있습니다.
picture-timeline-caption = 번호는 아래 목록의 번호입니다. 막대는 쓴 시간, 세로 표시는 기한이며, 화면 밖의 기한은 날짜로 적습니다. 시각은 한국 표준시(KST)입니다.
picture-due = 기한
picture-tokens = 자산별 유출 금액
picture-tokens-desc = 자산 { $count }종의 유출 당시 원화 금액을 큰 순서로 나타낸 막대그래프입니다. 같은 수치가 아래 표에 있습니다.
picture-tokens-caption = 원화 금액은 유출 당시 시세 기준입니다. 빗금은 공개되지 않아 가정한 금액입니다.
picture-coverage = 돌려줄 자산 대비 보유 자산
picture-coverage-desc = 자산 { $count }종의 유출 직후 보유 비율과, 거래소가 채운 부분을 나타냅니다. 같은 수치가 아래 표에 있습니다.
picture-coverage-caption = 채워진 막대는 유출 직후 보유, 빗금은 거래소가 채운 부분, 짧은 세로선은 유출 전 보유, 긴 세로선은 돌려줄 수량(100%)입니다.
picture-coverage-row = 전 { $before } · 직후 { $after } · 채운 뒤 { $restored }
picture-owed = 돌려줄 수량
picture-course-desc = 방식 { $count }개의 시각별 누적 유출 금액을 선으로 나타냅니다. 글자는 위 표의 글자이며, 최종 금액은 위 표에 있습니다.
picture-course-caption = 글자는 위 표의 글자입니다. 선 모양도 방식마다 다릅니다.
picture-course-axis = 시각 (KST), 누적 유출 금액 (KRW)
