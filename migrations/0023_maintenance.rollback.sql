-- loses: when the steps of the maintenance ran last
DROP TABLE IF EXISTS maintenance_steps;
