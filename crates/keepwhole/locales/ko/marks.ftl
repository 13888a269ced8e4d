mark-published = 공표
