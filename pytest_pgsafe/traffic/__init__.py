"""The migration run once more while others work: who waits for it, who dies of it, and when it gives up."""
