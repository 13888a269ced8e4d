### The list of requests to the guard, and one request.

guard-heading = Which movements wait for a decision?
guard-note = Whatever leaves or is credited asks first. A held request waits until its reason is gone; a denied one is over.
guard-choice = Show by state
guard-all = All
guard-none = There is no request yet.
guard-none-so = No request stands so.
guard-range = { $first } to { $last } of { $total }, the newest first
guard-newer = Newer requests
guard-older = Older requests
guard-caption = Requests, the newest first
guard-col-id = Request
guard-col-what = What is asked
guard-col-state = State and reason
guard-col-approvals = Approvals
guard-col-deadline = Deadline
guard-col-at = Asked
guard-no-approvals = none needed
guard-approvals = { $valid } of { $needs }
guard-no-deadline = none
request-held = held
request-denied = denied
request-cleared = cleared
request-redeemed = signed
request-seen = seen on chain
request-lapsed = lapsed
request-dead = dead
request-withdrawal = Withdrawal of { $amount } to { $to }
request-transfer = Transfer of { $amount } between own wallets: { $from } → { $to }
request-credit = Credit of { $amount } from budget { $budget } ({ $count } { $form ->
    [one] line
   *[other] lines
})
request-credit-mixed = Credits of several assets from budget { $budget } ({ $count } { $form ->
    [one] line
   *[other] lines
})
deadline-released = released at that time
deadline-approval = the earliest approval ends
deadline-clearance = the clearance ends
request-heading = Why was request { $id } decided so?
request-customer = Customer
request-wallet = From wallet
request-to-wallet = To wallet
request-amount = Amount
request-to = Destination
request-budget = Budget
request-cause = Cause given
request-by = Asked by
request-digest = Digest of what is asked (SHA-256)
request-digest-note = An approver's screen must show the same.
request-lines = Lines of the batch
request-lines-more = Only the first of { $count } { $form ->
    [one] line
   *[other] lines
} are shown.
request-approvals = Who approved
request-no-approvals = Nobody has approved it yet.
request-approvals-caption = Approvals, in the order in which they came
request-col-who = Person
request-col-at = Approved
request-col-until = Counts until
request-no-end = no end
request-ended = ended
request-history = All that happened to this request
request-back = To the list of requests
step-made = Asked by { $who }; approvals needed: { $count }
step-held = Held
step-denied = Denied
step-cleared = Cleared
step-cleared-until = Cleared, until { $until }
step-approved = Approved by { $who }
step-redeemed = Redeemed by the signer; digest of the bytes { $digest }
step-lapsed = Lapsed unused
step-dead = Declared dead: { $key } is spent for good ({ $evidence })
step-bound = Bound to its terms, until { $until }
step-issued = Clearance issued for attempt { $attempt }, until { $until }; digest to be signed { $digest }
step-issued-redeemed = Clearance redeemed by the signer { $who }
request-memo = Memo
request-max-fee = Greatest fee (minor units of the network's own coin)
step-judged = Rules of policy version { $version } asked; matching: { $rules }
step-judged-none = Rules of policy version { $version } asked; none matches
unseen-heading = Signed, and not seen on the chain yet
unseen-note = A halt does not stop these: whoever has the signed bytes can send them. They count in every limit until they are seen, or a quorum declares them dead.
unseen-col-key = What they spend
unseen-col-since = Signed since
unseen-col-plan = How to cancel it
unseen-unknown = not known
plan-evm = From { $account }, send zero to { $account } itself with nonce { $nonce } at a higher fee, and wait until it is final.
plan-bitcoin = Spend { $input } to an address of your own at a higher fee, and wait until it is final.
plan-nonce-account = Advance the nonce account { $account }, and wait until that is final.
plan-blockhash = Wait until the last valid block of the blockhash { $blockhash } is final; nothing cancels it earlier.
plan-unknown = The journal does not say what it spends: ask the signer.
