-- A stand-in for the extension Citus: functions of the same names, which note what they are asked
-- for and refuse what the real ones refuse. No row goes anywhere.
CREATE TABLE calls (
    number int GENERATED ALWAYS AS IDENTITY,
    call text NOT NULL,
    argument text NOT NULL
);

CREATE TABLE placed (
    table_name regclass PRIMARY KEY,
    citus_table_type text NOT NULL,
    distribution_column text NOT NULL,
    colocation_id int NOT NULL
);

CREATE VIEW citus_tables AS
SELECT p.table_name, p.citus_table_type, p.distribution_column, p.colocation_id
  FROM placed AS p;

CREATE FUNCTION refuse_foreign_keys(name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    key text;
BEGIN
    SELECT conname INTO key FROM pg_constraint
     WHERE contype = 'f' AND conparentid = 0 AND name::regclass IN (conrelid, confrelid) LIMIT 1;
    IF key IS NOT NULL THEN
        RAISE EXCEPTION 'table % has the foreign key %', name, key;
    END IF;
    IF EXISTS (SELECT FROM @extschema@.placed AS p WHERE p.table_name = name::regclass) THEN
        RAISE EXCEPTION 'table % is already distributed', name;
    END IF;
END
$$;

CREATE FUNCTION create_reference_table(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM @extschema@.refuse_foreign_keys(name);
    INSERT INTO @extschema@.calls (call, argument) VALUES ('reference', name);
    INSERT INTO @extschema@.placed VALUES (name::regclass, 'reference', '<none>', 0);
END
$$;

CREATE FUNCTION create_distributed_table(name text, key text, colocate_with text DEFAULT 'default')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    index_name text;
    known @extschema@.placed;
    kind oid;
BEGIN
    PERFORM @extschema@.refuse_foreign_keys(name);
    SELECT a.atttypid INTO STRICT kind FROM pg_attribute AS a
     WHERE a.attrelid = name::regclass AND a.attname = key AND a.attnotnull;
    SELECT i.indexrelid::regclass INTO index_name FROM pg_index AS i
     WHERE i.indrelid = name::regclass AND i.indisunique
       AND NOT EXISTS (SELECT FROM unnest(i.indkey) AS k
                         JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k
                        WHERE a.attname = key);
    IF index_name IS NOT NULL THEN
        RAISE EXCEPTION 'the unique index % does not hold %', index_name, key;
    END IF;
    IF colocate_with <> 'none' THEN
        SELECT * INTO STRICT known FROM @extschema@.placed AS p
         WHERE p.table_name = colocate_with::regclass;
        PERFORM FROM pg_attribute AS a
          WHERE a.attrelid = known.table_name AND a.attname = known.distribution_column
            AND a.atttypid = kind;
        IF NOT FOUND THEN
            RAISE EXCEPTION '% and % have keys of different types', name, colocate_with;
        END IF;
    END IF;
    INSERT INTO @extschema@.calls (call, argument) VALUES ('distributed', name);
    INSERT INTO @extschema@.placed
    SELECT name::regclass, 'distributed', key,
           coalesce(known.colocation_id,
                    (SELECT coalesce(max(p.colocation_id), 0) + 1 FROM @extschema@.placed AS p));
END
$$;

CREATE FUNCTION undistribute_table(name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    lost regclass;
BEGIN
    PERFORM FROM pg_constraint
      WHERE contype = 'f' AND conparentid = 0 AND name::regclass IN (conrelid, confrelid);
    IF FOUND THEN
        RAISE EXCEPTION 'table % has foreign keys', name;
    END IF;
    DELETE FROM @extschema@.placed AS p WHERE p.table_name = name::regclass;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'table % is not distributed', name;
    END IF;
    INSERT INTO @extschema@.calls (call, argument) VALUES ('back', name);
    -- The table is another one from now on: views that read it are made anew, without their indexes.
    FOR lost IN
        SELECT DISTINCT i.indexrelid::regclass
          FROM pg_depend AS d
          JOIN pg_rewrite AS r ON r.oid = d.objid
          JOIN pg_class AS c ON c.oid = r.ev_class
          JOIN pg_index AS i ON i.indrelid = c.oid
         WHERE d.classid = 'pg_rewrite'::regclass
           AND d.refclassid = 'pg_class'::regclass
           AND d.refobjid = name::regclass
           AND c.relkind = 'm'
    LOOP
        EXECUTE format('DROP INDEX %s', lost);
    END LOOP;
END
$$;

CREATE FUNCTION create_distributed_function(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO @extschema@.calls (call, argument) VALUES ('function', name::regprocedure::text);
END
$$;

CREATE FUNCTION run_command_on_all_nodes(
    command text, OUT nodeid int, OUT success bool, OUT result text
) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
    nodeid := 1;
    -- As the real one, which tells of a failure and goes on.
    BEGIN
        EXECUTE command;
        success := true;
    EXCEPTION WHEN others THEN
        success := false;
        result := SQLERRM;
    END;
    INSERT INTO @extschema@.calls (call, argument) VALUES ('command', command);
    RETURN NEXT;
END
$$;
