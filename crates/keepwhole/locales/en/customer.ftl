### One customer's page and the search for it.

customers-heading = Which customer?
customers-note = Customers are found by the exchange’s pseudonymous id alone. No name and no address is kept here.
customers-label = Customer id
customers-hint = At most 64 bytes, exactly as the exchange’s own systems write it.
customers-button = Show
customers-not-found = This journal has no customer with the id “{ $id }”. Check the spelling and try again.
customer-heading = Is customer { $id } whole?
customer-made-up = This customer is made up for the demo. No real person stands behind it.
customer-not-short = No shortfall behind this customer’s claims is recorded.
customer-whole = Everything that was short has been replenished. The claim itself never shrank.
customer-outstanding = The exchange has still something to put back. The claim itself never shrank.
customer-balances = What the exchange owes
customer-balances-caption = Balance per asset
customer-no-balances = No balance is recorded.
customer-col-owed = Owed
customer-col-reserved = Of it in withdrawals not yet settled
customer-redress = Short and replenished
customer-redress-caption = Per loss: short = replenished + outstanding
customer-no-redress = No recorded loss touches this customer.
customer-col-loss = Loss
customer-col-short = short
customer-statement = Statement
customer-statement-caption = Last movements, the newest first
customer-no-statement = No movement is recorded.
customer-col-at = When
customer-col-what = What
customer-col-amount = Amount
customer-col-balance = Balance after
customer-col-entry = Entry
customer-balance-unknown = not shown
customer-statement-shown =
    { $shown } of { $count } { $form ->
        [one] movement
       *[other] movements
    } shown.
customer-proof = Proof
customer-proof-file = This customer’s package is { $file }. It is checked offline with this command:
customer-no-proof = This page holds no package for this customer. A package handed out elsewhere is checked with keepwhole verify.
