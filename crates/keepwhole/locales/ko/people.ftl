### 사람과 정족수 화면.

people-heading = 누가 무엇을 할 수 있습니까?
people-note = 서로 다른 계정이라도 같은 사람은 한 번만 셉니다. 끝난 역할은 세지 않습니다.
people-classes = 업무 구분과 정족수
people-classes-caption = 업무 구분, 필요한 사람 수와 지금 할 수 있는 사람
people-col-class = 업무 구분
people-col-roles = 역할
people-col-able = 지금 할 수 있는 사람
people-col-filled = 정족수
people-filled = 채울 수 있음
people-unfilled = 채울 수 없음
people-needs = 필요한 사람: { $count }명
people-needs-beside = 필요한 사람: 요청한 사람을 빼고 { $count }명
people-no-roles = 없음
people-actors = 계정
people-actors-caption = 계정, 등록된 순서
people-none = 등록된 계정이 없습니다.
people-col-account = 계정
people-col-person = 사람
people-col-until = 역할의 끝
people-no-end = 끝이 없음
people-ended = 끝남
