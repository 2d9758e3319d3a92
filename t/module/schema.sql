-- what the laboratory's statements work on

CREATE TABLE lab (id uuid PRIMARY KEY, n int4 NOT NULL, note text NOT NULL);

CREATE TABLE lab_event (id uuid PRIMARY KEY, lab uuid NOT NULL,
                        outcome int4 NOT NULL,
                        serial bigserial NOT NULL);

CREATE TABLE lab_checked (id uuid PRIMARY KEY,
                          n int4 NOT NULL CONSTRAINT lab_n CHECK (n >= 0));

CREATE TABLE lab_deferred (id uuid PRIMARY KEY,
                           n int4 NOT NULL CONSTRAINT lab_deferred_n UNIQUE
                               DEFERRABLE INITIALLY DEFERRED);

CREATE TABLE lab_key (id uuid PRIMARY KEY);

CREATE FUNCTION lab_raise(state text) RETURNS int4 LANGUAGE plpgsql AS $$
BEGIN
    IF state <> '' THEN
        RAISE EXCEPTION 'raised' USING ERRCODE = state;
    END IF;
    RETURN 1;
END
$$;
