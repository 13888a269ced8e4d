### Titles, descriptions and captions of the pictures.

picture-timeline = The incident and its clocks over time
picture-timeline-desc = { $events } events and { $clocks } clocks on one axis from { $from } to { $until }. The list and the table below say the same.
picture-timeline-caption = Numbers are those of the list below. A bar is the time used, a notch the due time; a due time beyond the edge is written out. Times are Korea Standard Time (KST).
picture-due = due
picture-tokens = Value taken per token
picture-tokens-desc = Bars of the value in won of { $count } tokens at the prices of the incident, the largest first. The table below has the same figures.
picture-tokens-caption = Values in won are at the prices of the incident. Hatched bars are values that no source publishes and that were assumed.
picture-coverage = Held against owed
picture-coverage-desc = For { $count } assets, the share held just after the theft and the part that the exchange put back. The table below has the same figures.
picture-coverage-caption = Solid: held just after the theft. Hatched: put back by the exchange. Short line: held before. Long line: what is owed (100%).
picture-coverage-row = before { $before } · after { $after } · restored { $restored }
picture-owed = owed
picture-course-desc = { $count } lines of what had left by when. Letters are those of the table above, which has the final amounts.
picture-course-caption = Letters are those of the table above. Each line has a dash of its own.
picture-course-axis = time (KST), cumulative value taken (KRW)
