### The journal page.

journal-heading = Has anything been changed after the fact?
journal-note = Every entry is a leaf of one Merkle tree, and signed checkpoints fix its state. Compare the root below with a checkpoint that you kept elsewhere.
journal-vkey = Verifier key
journal-checkpoint = Signed checkpoint
journal-checkpoint-raw = Checkpoint as text
journal-no-checkpoint = No checkpoint has been published yet.
journal-records = Entries
journal-empty = There is no entry yet. The first one will be entry 0.
journal-go-to = Show from entry
journal-go = Go
journal-range = Entries { $first } to { $last } of { $size }
journal-earlier = Earlier entries
journal-later = Later entries
journal-caption = Entries, the oldest first
journal-col-index = Entry
journal-col-at = Recorded
journal-col-kind = Kind
journal-col-json = Content (canonical JSON)
