### Pages that say what is wrong and what to do next.

problem-not-found = Not found
problem-bad-request = The request cannot be answered
problem-unavailable = Cannot be answered now
problem-home = Go to the overview
problem-no-page = No page has this address. Choose one from the navigation above.
problem-no-incident = This journal has no incident with the id “{ $id }”. Choose one from the list of incidents.
problem-no-request = This journal has no request with the id “{ $id }”. Choose one from the list of requests.
problem-no-report = This installation holds no report (report.html). A demo or a drill writes one.
problem-from = The entry number “{ $from }” is not a whole number from 0 on. Example: /journal?from=0
problem-state = There is no state “{ $state }”: it is one of held, denied, cleared, redeemed, seen, lapsed.
problem-version = The version “{ $version }” is not a whole number from 0 on.
problem-query = The query of the address cannot be read. Give each key once, in UTF-8.
problem-path = The id in the address cannot be read. Write it in UTF-8.
problem-foreign-host = The console answers only requests that name this machine (localhost, 127.0.0.1) or the site of its passkeys.
problem-too-long = The address is too long. Keep it within 1,024 bytes.
problem-body = This address takes no request with a body.
problem-method = This address does not take that method.
problem-source = The journal cannot be read: { $why }
problem-slow = The answer took too long and was given up. Try again in a moment.
problem-day = The day { $day } is no date. Write it as 2026-10-01.
problem-policy = The policy { $policy } is named in no known way. Write version-2 or proposal-ID.
