### The ten answers and their figures.

answer-1-whole = Every customer’s balance follows from the journal, and none paid out more than came in.
answer-1-overdrawn =
    { $count } { $form ->
        [one] balance has
       *[other] balances have
    } paid out more than came in.
answer-1-none = No customer is registered.
answer-2-short =
    Of { $count } { $form ->
        [one] asset
       *[other] assets
    } less is held than owed.
answer-2-covered = Of every asset at least as much is held as owed. The cold share (law: at least { $least }) cannot be told: no one-year mean price is recorded.
answer-2-none = No asset has both something owed and something held on record.
answer-3-found = Something left, or was credited, without authorisation.
answer-3-unseen = It cannot be told: no observation of a chain is recorded.
answer-3-whole = Every outflow seen is matched with what cleared it.
answer-4-outstanding =
    Of { $count } { $form ->
        [one] asset
       *[other] assets
    } the exchange has still something to put back. Customers’ claims stay whole.
answer-4-whole = Everything that was short behind customers has been replenished.
answer-4-none = No shortfall is recorded.
answer-4-unseen = It cannot be told: no observation of a chain is recorded.
answer-5-no-duties = It cannot be told: no duty has been adopted.
answer-5-no-case = No incident is open, so no clock runs.
answer-5-overdue =
    { $count } { $form ->
        [one] duty is
       *[other] duties are
    } past the due time.
answer-5-open =
    { $count } { $form ->
        [one] duty has
       *[other] duties have
    } no fulfilment on record; none with a number is past its due time.
answer-5-done = Every duty that started was fulfilled.
answer-6-not-built = No freeze is recorded, and this version does not trace where assets went.
answer-6-frozen = Only recorded freezes are shown. This version does not trace where assets went.
answer-7-inputs = The rules are adopted; the amounts cannot be told without revenue and insurance, which are not recorded.
answer-7-no-law = It cannot be told: no rule on fines has been adopted.
answer-8-whole = Yes. Every entry is in one tree, a signed checkpoint is published, and a bundle can be verified offline.
answer-8-unpublished = No signed checkpoint has been published yet.
answer-9-whole = Each change in force and each request that needed approvals has enough distinct persons on record.
answer-9-lacking =
    { $count } { $form ->
        [one] request has
       *[other] requests have
    } fewer approvers on record than needed.
answer-9-none = No action that needs approval is recorded.
answer-10-not-built = This version does not screen counterparties, and this journal records nothing about it.
figure-customers = customers
figure-assets = assets
figure-lowest-coverage = lowest coverage ({ $asset })
figure-covered = assets fully held
figure-short-assets = assets short
figure-cold-legal = cold share (legal valuation)
figure-cold-last = cold share (last prices, for orientation)
figure-flows = flows seen
figure-unexplained = outflows without clearance
figure-mis-credits = alarms of credits without entitlement
figure-lost-assets = assets taken
figure-lost-customers = customers who were short
figure-outstanding-assets = assets outstanding
figure-claims = claims
figure-clocks-done = duties fulfilled
figure-clocks-open = duties without fulfilment
figure-next-due = nearest due time
figure-freezes = freezes
figure-frozen-won = value frozen
figure-traced = where it went
figure-fine-rules = rules on fines
figure-reserve-rules = rules on the reserve
figure-revenue = revenue
figure-insurance = insurance
figure-sets = redress sets published
figure-witnesses = witness signatures
figure-changes = changes in force
figure-halts = of them halts, pressed by one person
figure-approved-requests = requests that needed approvals
cold-no-mean-price = no one-year mean price is recorded
cold-no-price = no price is recorded
cold-no-rule = no rule adopted
trace-not-built = this version does not trace
cost-not-recorded = not recorded
witness-not-built = this version has no witness
