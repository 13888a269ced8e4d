# A back-test of a policy.
backtest-title = Back-test of { $file }
backtest-count = { $form ->
    [one] { $count } request of the journal was put before the new policy.
   *[other] { $count } requests of the journal were put before the new policy.
}
backtest-then = Then
backtest-now = New policy
backtest-requests = Requests
backtest-value = Value
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
backtest-picture = Value by verdict then and verdict under the new policy
backtest-picture-desc = One bar for each pair of verdicts; its length is the value. Hatched bars are requests that come out otherwise. The table below says the same.
backtest-caption = Hatched: comes out otherwise under the new policy. Figures: number of requests and value.
