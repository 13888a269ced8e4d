### One customer's page and the search for it.

customers-heading = 어느 이용자를 조회합니까?
customers-note = 거래소가 부여한 가명 식별자로만 조회합니다. 이 화면에는 이름이나 연락처가 없습니다.
customers-label = 이용자 식별자
customers-hint = 64바이트 이하, 거래소 시스템에 적힌 그대로 입력합니다.
customers-button = 조회
customers-not-found = ‘{ $id }’ 식별자의 이용자는 이 기록부에 없습니다. 철자를 확인하고 다시 조회하십시오.
customer-heading = 이용자 { $id }의 자산은 온전합니까?
customer-made-up = 시연을 위해 만든 이용자입니다. 실제 인물이 아닙니다.
customer-not-short = 이 이용자 몫의 부족분은 기록되어 있지 않습니다.
customer-whole = 부족분이 모두 채워졌습니다. 이용자의 권리는 줄지 않았습니다.
customer-outstanding = 거래소가 아직 채워야 할 수량이 있습니다. 이용자의 권리는 줄지 않았습니다.
customer-balances = 돌려주어야 할 자산
customer-balances-caption = 자산별 잔고
customer-no-balances = 기록된 잔고가 없습니다.
customer-col-owed = 돌려줄 수량
customer-col-reserved = 이 중 출금 처리 중
customer-redress = 부족분과 채움
customer-redress-caption = 유출별 부족분 = 채운 수량 + 아직 채울 수량
customer-no-redress = 이 이용자에게 해당하는 유출이 기록되어 있지 않습니다.
customer-col-loss = 유출
customer-col-short = 부족분
customer-statement = 거래 내역
customer-statement-caption = 최근 변동, 최근 순
customer-no-statement = 기록된 변동이 없습니다.
customer-col-at = 시각
customer-col-what = 내용
customer-col-amount = 수량
customer-col-balance = 변동 후 잔고
customer-col-entry = 근거
customer-balance-unknown = 표시하지 않음
customer-statement-shown = 전체 { $count }건 중 { $shown }건을 표시합니다.
customer-proof = 증명 자료
customer-proof-file = 이 이용자의 증명 파일은 { $file } 입니다. 인터넷 없이 다음 명령으로 확인합니다.
customer-no-proof = 이 화면에는 이 이용자의 증명 파일이 없습니다. 따로 받은 파일이 있다면 keepwhole verify로 확인하십시오.
