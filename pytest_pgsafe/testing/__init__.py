"""For tests of one's own: scratch copies of the source, their migration, and assertions on what they hold."""
