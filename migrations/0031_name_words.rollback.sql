-- There is nothing to undo: words that no search asks for do no harm.
SELECT 1;
