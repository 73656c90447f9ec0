#ifndef AUDITOR_DB_DB_RES_H
#define AUDITOR_DB_DB_RES_H

#include <libpq-fe.h>

/* Microseconds from 1970 to 2000, where the server begins to count. */
#define DB_RES_EPOCH	946684800000000LL

struct db_res;

/* Take a result with rows or without (owned from here, db_free()). */
struct db_res *db_res_take(PGresult *);

#endif
