#include "auditor/db/db_say.h"

#include <string.h>

/* What whoever runs it can do about what a server refuses. */
static const struct {
	const char	*state;
	const char	*advice;
} known[] = {
	{ "42501", "the role of this connection needs what role "
	    "certvigil_engine may (`grant certvigil_engine to ...`)" },
	{ "57014", "does the role, or the database, have a statement_timeout "
	    "that is too short?" },
};

void
db_say(struct err *e, const char *state, const char *text)
{
	size_t	i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(state, known[i].state) == 0) {
			err_set(e, ERR_DB, "%.300s (SQLSTATE %s): %s", text,
			    state, known[i].advice);
			return;
		}
	if (strcmp(state, DB_SAY_READ_ONLY) == 0)
		err_set(e, ERR_DB, "the database takes no writes (a standby, "
		    "or a primary that was one): %.300s", text);
	else if (state[0] != '\0')
		err_set(e, ERR_DB, "%.440s (SQLSTATE %s)", text, state);
	else
		err_set(e, ERR_DB, "%s", text);
}
