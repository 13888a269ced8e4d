### The frame of every page: navigation, banner, evidence line.

frame-skip = Skip to the content
frame-tagline = keeps customers whole
frame-nav = Main navigation
frame-as-of = As of
nav-overview = Overview
nav-incidents = Incidents
nav-guard = Guard
nav-approve = Approvals
nav-policy = Policy
nav-people = People
nav-customers = Customers
nav-journal = Journal
nav-report = Report
banner-normal = Normal: nothing is halted.
banner-tripped = Breaker tripped:
banner-since = since
banner-unseen = { $count } signed and not seen yet: how to cancel
banner-exercise = Demo or drill:
banner-unknown = The mode is unknown.
footer-heading = What this page rests on
footer-size = Journal entries
footer-root = Merkle tree root (SHA-256)
footer-verify = Check it yourself:
footer-no-head = This page does not rest on the journal, or the journal cannot be read now.
footer-advice = This is not legal advice. Every duty shows its source and its status.
banner-made-up = every customer is made up; nothing here is about a real person
