#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/err.h"

/*
 * libpq, loaded when it is first called.  Of the processes of this program
 * few have a database, but it and what it needs (LDAP, Kerberos, a second TLS
 * library) would be half of the time in which each of them starts: 3 of 6 ms.
 * The prototypes are its own; auditor/db calls it as ever.
 */

#define LIBRARY	"libpq.so.5"

/* The function of that name, into the pointer at ${to}. */
static void
find(const char *name, void *to)
{
	static void	*lib;
	void		*f;

	if (lib == NULL)
		lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	f = lib != NULL ? dlsym(lib, name) : NULL;
	if (f == NULL) {
		(void)fprintf(stderr, "certvigil: " LIBRARY " cannot be used: "
		    "%s; apt-get install libpq5\n", dlerror());
		exit(err_exit(ERR_DB));
	}
	memcpy(to, &f, sizeof(f));
}

/* Its body: find it once, call it. */
#define FIND(name)						\
	static __typeof__(&(name))	f;			\
								\
	if (f == NULL)						\
		find(#name, &f)

int
PQbackendPID(const PGconn *c)
{
	FIND(PQbackendPID);
	return f(c);
}

void
PQclear(PGresult *r)
{
	FIND(PQclear);
	f(r);
}

char *
PQcmdStatus(PGresult *r)
{
	FIND(PQcmdStatus);
	return f(r);
}

char *
PQcmdTuples(PGresult *r)
{
	FIND(PQcmdTuples);
	return f(r);
}

PGconn *
PQconnectdbParams(const char *const *k, const char *const *v, int expand)
{
	FIND(PQconnectdbParams);
	return f(k, v, expand);
}

void
PQconninfoFree(PQconninfoOption *o)
{
	FIND(PQconninfoFree);
	f(o);
}

PQconninfoOption *
PQconninfoParse(const char *text, char **msg)
{
	FIND(PQconninfoParse);
	return f(text, msg);
}

int
PQconsumeInput(PGconn *c)
{
	FIND(PQconsumeInput);
	return f(c);
}

int
PQenterPipelineMode(PGconn *c)
{
	FIND(PQenterPipelineMode);
	return f(c);
}

char *
PQerrorMessage(const PGconn *c)
{
	FIND(PQerrorMessage);
	return f(c);
}

char *
PQescapeIdentifier(PGconn *c, const char *s, size_t n)
{
	FIND(PQescapeIdentifier);
	return f(c, s, n);
}

PGresult *
PQexec(PGconn *c, const char *q)
{
	FIND(PQexec);
	return f(c, q);
}

PGresult *
PQexecParams(PGconn *c, const char *q, int n, const Oid *t, const char
    *const *v, const int *l, const int *form, int format)
{
	FIND(PQexecParams);
	return f(c, q, n, t, v, l, form, format);
}

int
PQexitPipelineMode(PGconn *c)
{
	FIND(PQexitPipelineMode);
	return f(c);
}

void
PQfinish(PGconn *c)
{
	FIND(PQfinish);
	f(c);
}

void
PQfreemem(void *p)
{
	FIND(PQfreemem);
	f(p);
}

Oid
PQftype(const PGresult *r, int col)
{
	FIND(PQftype);
	return f(r, col);
}

PGresult *
PQgetResult(PGconn *c)
{
	FIND(PQgetResult);
	return f(c);
}

int
PQgetisnull(const PGresult *r, int row, int col)
{
	FIND(PQgetisnull);
	return f(r, row, col);
}

int
PQgetlength(const PGresult *r, int row, int col)
{
	FIND(PQgetlength);
	return f(r, row, col);
}

char *
PQgetvalue(const PGresult *r, int row, int col)
{
	FIND(PQgetvalue);
	return f(r, row, col);
}

int
PQnfields(const PGresult *r)
{
	FIND(PQnfields);
	return f(r);
}

PGnotify *
PQnotifies(PGconn *c)
{
	FIND(PQnotifies);
	return f(c);
}

int
PQntuples(const PGresult *r)
{
	FIND(PQntuples);
	return f(r);
}

char *
PQpass(const PGconn *c)
{
	FIND(PQpass);
	return f(c);
}

int
PQpipelineSync(PGconn *c)
{
	FIND(PQpipelineSync);
	return f(c);
}

int
PQputCopyData(PGconn *c, const char *p, int n)
{
	FIND(PQputCopyData);
	return f(c, p, n);
}

int
PQputCopyEnd(PGconn *c, const char *msg)
{
	FIND(PQputCopyEnd);
	return f(c, msg);
}

void
PQreset(PGconn *c)
{
	FIND(PQreset);
	f(c);
}

char *
PQresultErrorField(const PGresult *r, int field)
{
	FIND(PQresultErrorField);
	return f(r, field);
}

ExecStatusType
PQresultStatus(const PGresult *r)
{
	FIND(PQresultStatus);
	return f(r);
}

int
PQsendQueryParams(PGconn *c, const char *q, int n, const Oid *t, const char
    *const *v, const int *l, const int *form, int format)
{
	FIND(PQsendQueryParams);
	return f(c, q, n, t, v, l, form, format);
}

PQnoticeProcessor
PQsetNoticeProcessor(PGconn *c, PQnoticeProcessor proc, void *arg)
{
	FIND(PQsetNoticeProcessor);
	return f(c, proc, arg);
}

int
PQsocket(const PGconn *c)
{
	FIND(PQsocket);
	return f(c);
}

ConnStatusType
PQstatus(const PGconn *c)
{
	FIND(PQstatus);
	return f(c);
}

unsigned char *
PQunescapeBytea(const unsigned char *s, size_t *n)
{
	FIND(PQunescapeBytea);
	return f(s, n);
}
