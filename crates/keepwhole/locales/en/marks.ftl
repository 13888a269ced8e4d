mark-published = published
