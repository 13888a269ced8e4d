### The overview and the ten questions.

overview-heading = 지금 모든 이용자의 자산이 온전합니까?
overview-tally = 답변 상태별 질문 수
overview-count = { $count }개 질문
overview-note = 모든 답변은 이 기록부만으로 계산합니다. 기록되지 않은 것은 ‘알 수 없음’으로 표시하며, 이상이 없는 것으로 보지 않습니다.
overview-ten = 열 가지 질문
answer-whole = 이상 없음
answer-attention = 조치 필요
answer-unknown = 알 수 없음
answer-not-built = 이 판에 없음
answer-more = 자세히 보기
question-1 = 이용자 한 사람 한 사람에게 지금, 그리고 과거 어느 시점에 얼마를 돌려주어야 합니까?
question-2 = 같은 종류, 같은 수량을 실제로 보유하고 있으며 80% 이상이 콜드월렛에 있습니까?
question-3 = 승인 없이 나간 것이나 승인 없이 입금 처리된 것이 있습니까?
question-4 = 누구의 자산이 얼마나 부족해졌고, 모두 채워졌습니까?
question-5 = 누구에게 언제까지 알려야 하며, 알렸습니까?
question-6 = 자산이 어디로 갔고, 무엇이 동결되었으며, 무엇이 돌아왔습니까?
question-7 = 비용은 얼마입니까: 과징금·과태료, 준비금, 보험, 그리고 다음 사고의 비용은?
question-8 = 감사인이 우리를 믿지 않고도 이 모든 것을 검증할 수 있습니까?
question-9 = 중요한 권한 행사는 충분한 수의 적합한 사람이 승인했습니까?
question-10 = 이 상대방과 거래해도 됩니까?
