### The journal page.

journal-heading = 나중에 바뀐 기록이 있습니까?
journal-note = 모든 기록은 하나의 머클 트리에 들어가며, 서명된 체크포인트가 그 상태를 고정합니다. 아래 루트를 따로 보관한 체크포인트와 비교하십시오.
journal-vkey = 검증 키
journal-checkpoint = 서명된 체크포인트
journal-checkpoint-raw = 체크포인트 원문
journal-no-checkpoint = 공표된 체크포인트가 아직 없습니다.
journal-records = 기록
journal-empty = 기록이 아직 없습니다. 첫 기록의 번호는 0입니다.
journal-go-to = 이 번호부터 보기
journal-go = 보기
journal-range = 전체 { $size }건 중 { $first }번부터 { $last }번까지
journal-earlier = 이전 기록
journal-later = 다음 기록
journal-caption = 기록, 오래된 순
journal-col-index = 번호
journal-col-at = 기록 시각
journal-col-kind = 종류
journal-col-json = 내용 (정규 JSON)
