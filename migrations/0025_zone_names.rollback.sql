-- There is nothing to undo: what came before knows the names as well.
SELECT 1;
