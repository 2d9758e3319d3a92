-- how many connections the server leaves to all, to this role and to this
-- database; a server is known by the instant of its start
SELECT extract(epoch FROM pg_postmaster_start_time())::text
           || ' ' || current_setting('port') AS server,
       current_user::text AS role,
       current_database()::text AS database,
       current_setting('max_connections')::int8
           - current_setting('superuser_reserved_connections')::int8
           - coalesce(current_setting('reserved_connections', true),
                      '0')::int8 AS of_server,
       (SELECT nullif(rolconnlimit, -1)
          FROM pg_roles WHERE rolname = current_user)::int8 AS of_role,
       (SELECT nullif(datconnlimit, -1)
          FROM pg_database WHERE datname = current_database())::int8
           AS of_database;
