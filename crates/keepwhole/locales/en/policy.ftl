# A back-test of a policy.
backtest-title = Back-test of { $file }
backtest-count = { $form ->
    [one] { $count } request of the journal was put before this policy.
   *[other] { $count } requests of the journal were put before this policy.
}
backtest-then = As decided then
backtest-now = Under this policy
backtest-examples = Examples
backtest-cleared = cleared
backtest-approvals = needs approvals
backtest-held = held
backtest-denied = denied
backtest-unvalued = { $form ->
    [one] and { $count } without a value
   *[other] and { $count } without a value
}
backtest-unknown = Unknown figures, never filled in, counted against the request
backtest-beside = Balances, caps on wallets, halts and the other checks beside the rules stay as they were.
backtest-picture = Value by verdict then and verdict under this policy
backtest-picture-desc = One bar for each pair of verdicts; its length is the value. Hatched bars are requests that come out otherwise. The table below says the same.
backtest-caption = Hatched: comes out otherwise under this policy. Figures: number of requests and value.
backtest-heading = What would another policy have decided?
backtest-note = Requests that the journal holds are put before another policy, as they stood when they were made. "Then" is what was decided by the policy in force at that time. Nothing is changed by looking.
backtest-policy = Policy
backtest-from = From
backtest-to = To
backtest-run = Work out
backtest-limit = At most { $count } days at once, counted in Seoul. Longer times, and files that nobody proposed yet, with: keepwhole policy backtest
backtest-version = version { $version }
backtest-proposal = as proposal { $id } would bring it
backtest-no-policies = No policy is in force and none is proposed, so there is nothing to compare.
backtest-no-policy = The journal has no such policy: { $id }. Choose from the list.
backtest-backwards = The last day lies before the first. Give a later one.
backtest-too-many-days = That is { $days } days, and the console works through { $limit } at most. Give a shorter time.
backtest-busy = Another back-test is being worked out. Load this page again in some seconds.
backtest-empty = No request was made in that time, so there is nothing to show. Give other days.
backtest-too-long = The journal is too long to be worked through within a page. Do it from the command line, which has no such limit; the service goes on meanwhile.
backtest-back = To the policy
backtest-days = Value by day, as decided then and under this policy
backtest-days-number = Requests by day, as decided then and under this policy
backtest-days-desc = Two bars for each day: the left one as it was decided then, the right one under this policy. Each is parted by verdict, from below: cleared, needs approvals, held, denied. The table below says the same.
backtest-days-caption = Left bar: as decided then. Right bar: under this policy. Height: value.
backtest-days-number-caption = Left bar: as decided then. Right bar: under this policy. Height: number of requests, since no value could be told.
backtest-days-table = Number and value by day
backtest-day = Day (Seoul)
backtest-which = Decided
backtest-sum = Requests and value
backtest-no-value = no value
backtest-rules = Rules of this policy
backtest-matched = Requests that it matched
backtest-decided = Requests on which it decided
