#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_row {
	const char	*name;
	int		 exit;
};

static const struct err_row rows[] = {
	[ERR_NONE]	= { "none", 0 },
	[ERR_SYS]	= { "system", 1 },
	[ERR_LIMIT]	= { "limit", 2 },
	[ERR_FORMAT]	= { "format", 2 },
	[ERR_VERIFY]	= { "verify", 2 },
	[ERR_NET]	= { "net", 1 },
	[ERR_HTTP]	= { "http", 1 },
	[ERR_DB]	= { "database", 69 },
	[ERR_LEASE]	= { "lease", 75 },
	[ERR_CONF]	= { "configuration", 78 },
	[ERR_USAGE]	= { "usage", 64 },
	[ERR_PERM]	= { "permission", 77 },
	[ERR_TEMP]	= { "temporary", 75 },
	[ERR_NOENT]	= { "missing", 1 },
	[ERR_SILENT]	= { "silent", 75 },
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) == ERR_MAX,
    "every code has a row");

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	int	saved = errno;
	va_list	ap;
	size_t	n;

	if (e == NULL || e->code != ERR_NONE)
		return -1;
	e->code = code;
	e->sys = code == ERR_SYS ? saved : 0;
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	if (e->sys != 0 && n + 4 < sizeof(e->msg))
		(void)snprintf(e->msg + n, sizeof(e->msg) - n, ": %s",
		    strerror(saved));
	return -1;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	char	head[256], tail[sizeof(e->msg)];
	va_list	ap;

	if (e == NULL || e->code == ERR_NONE)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(head, sizeof(head), fmt, ap);
	va_end(ap);
	memcpy(tail, e->msg, sizeof(tail));
	(void)snprintf(e->msg, sizeof(e->msg), "%s: %.*s", head,
	    (int)(sizeof(e->msg) - sizeof(head) - 3), tail);
	return -1;
}

void
err_clear(struct err *e)
{
	if (e == NULL)
		return;
	e->code = ERR_NONE;
	e->sys = 0;
	e->msg[0] = '\0';
}

const char *
err_name(enum err_code code)
{
	return code < ERR_MAX ? rows[code].name : "unknown";
}

int
err_exit(enum err_code code)
{
	return code < ERR_MAX ? rows[code].exit : 1;
}
