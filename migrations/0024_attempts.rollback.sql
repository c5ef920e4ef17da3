-- loses: how often accounts and addresses were guessed at in the last minutes
DROP TABLE IF EXISTS attempts;
