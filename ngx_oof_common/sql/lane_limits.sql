-- how many connections the server leaves to this role and database
SELECT least(
           current_setting('max_connections')::int8
               - current_setting('superuser_reserved_connections')::int8
               - coalesce(current_setting('reserved_connections', true),
                          '0')::int8,
           (SELECT nullif(rolconnlimit, -1)
              FROM pg_roles WHERE rolname = current_user),
           (SELECT nullif(datconnlimit, -1)
              FROM pg_database WHERE datname = current_database()))::int8
       AS connections;
