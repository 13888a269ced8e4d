### The page of people and quorums.

people-heading = Who can do what?
people-note = One person counts once, under however many accounts. Roles that have ended don't count.
people-classes = Classes of action and their quorums
people-classes-caption = Classes of action: who is needed, and who could take part now
people-col-class = Class of action
people-col-roles = Roles
people-col-able = Persons who could now
people-col-filled = Quorum
people-filled = can be filled
people-unfilled = can't be filled
people-needs = persons needed: { $count }
people-needs-beside = persons needed beside whoever asks: { $count }
people-no-roles = none
people-actors = Accounts
people-actors-caption = Accounts, in order of enrolment
people-none = No account is enrolled.
people-col-account = Account
people-col-person = Person
people-col-until = Roles end
people-no-end = no end
people-ended = ended
