#ifndef AUDITOR_DB_DB_ARGS_H
#define AUDITOR_DB_DB_ARGS_H

#include <stdarg.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/err.h"
#include "base/limit.h"

/*
 * The parameters of one statement, as libpq takes them (see db.h for the
 * letters).  Values that are strings or spans stay borrowed; arrays are made
 * here.  db_args_free() after use, also after a failed db_args_read().
 */
struct db_args {
	int		 n;
	Oid		 type[LIMIT_DB_PARAMS];
	const char	*value[LIMIT_DB_PARAMS];
	int		 len[LIMIT_DB_PARAMS];
	int		 form[LIMIT_DB_PARAMS];		/* 1: binary */
	uint8_t		 num[LIMIT_DB_PARAMS][8];	/* of fixed size */
	void		*own[LIMIT_DB_PARAMS];		/* arrays */
};

int db_args_read(struct db_args *, const char *, va_list, struct err *);
void db_args_free(struct db_args *);

#endif
