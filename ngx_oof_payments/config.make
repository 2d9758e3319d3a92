cat << END                                                    >> $NGX_MAKEFILE

$NGX_OBJS/ngx_oof_payments_sql.h: $NGX_OBJS/ngx_oof_payments_sql.c
	touch $NGX_OBJS/ngx_oof_payments_sql.h

$NGX_OBJS/ngx_oof_payments_sql.c: `ls $ngx_addon_dir/sql/*.sql | tr '\n' ' '` \\
	$ngx_addon_dir/../ngx_oof_common/sql2c
	$ngx_addon_dir/../ngx_oof_common/sql2c payments \\
	    $NGX_OBJS/ngx_oof_payments_sql $ngx_addon_dir/sql/*.sql
	touch $NGX_OBJS/ngx_oof_payments_sql.c

END
