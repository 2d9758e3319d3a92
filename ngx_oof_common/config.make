cat << END                                                    >> $NGX_MAKEFILE

$NGX_OBJS/ngx_oof_common_sql.h: $NGX_OBJS/ngx_oof_common_sql.c
	touch $NGX_OBJS/ngx_oof_common_sql.h

$NGX_OBJS/ngx_oof_common_sql.c: `ls $ngx_addon_dir/sql/*.sql | tr '\n' ' '` \\
	$ngx_addon_dir/sql2c
	$ngx_addon_dir/sql2c common \\
	    $NGX_OBJS/ngx_oof_common_sql $ngx_addon_dir/sql/*.sql
	touch $NGX_OBJS/ngx_oof_common_sql.c

END
