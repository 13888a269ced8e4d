### The overview and the ten questions.

overview-heading = Is every customer’s asset whole right now?
overview-tally = Questions by state of the answer
overview-count =
    { $count } { $form ->
        [one] question
       *[other] questions
    }
overview-note = Every answer is computed from this journal alone. What is not recorded is shown as unknown, never as fine.
overview-ten = The ten questions
answer-whole = nothing to do
answer-attention = needs attention
answer-unknown = unknown
answer-not-built = not in this version
answer-more = See more
question-1 = What do we owe each customer, now and at any past moment?
question-2 = Do we hold it: same kind, same quantity, 80% cold?
question-3 = Did anything leave, or get credited, without authorisation?
question-4 = Who lost what, and are they whole again?
question-5 = Who must be told by when, and were they?
question-6 = Where did it go, what is frozen, what came back?
question-7 = What will it cost: fine, reserve, insurance, and what would the next theft cost?
question-8 = Can an auditor verify all this without trusting us?
question-9 = Was each privileged action approved by enough of the right people?
question-10 = May we deal with this counterparty?
