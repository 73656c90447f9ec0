#include "auditor/role/acme_silence.h"

#include <stdio.h>

#include "base/clk.h"
#include "base/limit.h"

void
acme_silence_begin(struct acme_silence *s, int64_t now, int64_t limit)
{
	if (s->since != 0)
		return;
	s->limit = limit;
	s->since = now;
	s->tell_at = now + LIMIT_ACME_QUIET * CLK_SEC;
	s->silent = 1;
	s->why[0] = '\0';
}

void
acme_silence_lost(struct acme_silence *s, const struct acme_reply *r)
{
	s->silent = r->silent;
	(void)snprintf(s->why, sizeof(s->why), "%s", r->why);
}

void
acme_silence_end(struct acme_silence *s)
{
	s->since = 0;
}

enum acme_silence_turn
acme_silence_turn(struct acme_silence *s, int64_t now, char *text,
    size_t size)
{
	char	since[CLK_TEXT], until[CLK_TEXT];
	int	said = s->why[0] != '\0';

	if (s->since == 0 || (now < s->tell_at && now < s->since + s->limit))
		return ACME_SILENCE_NONE;
	(void)clk_text(s->since, since);
	(void)clk_text(s->since + s->limit, until);
	if (now >= s->since + s->limit) {
		(void)snprintf(text, size, "the CA has not answered since "
		    "%s%s%s%s; what was begun is kept, try again to go on "
		    "with it", since, said ? " (" : "", s->why,
		    said ? ")" : "");
		return ACME_SILENCE_OVER;
	}
	s->tell_at = now + LIMIT_ACME_QUIET_AGAIN * CLK_SEC;
	(void)snprintf(text, size, "the CA has not answered since %s%s%s%s; "
	    "it is waited for until %s, and what was begun is kept", since,
	    said ? " (" : "", s->why, said ? ")" : "", until);
	return ACME_SILENCE_TELL;
}

int64_t
acme_silence_when(const struct acme_silence *s)
{
	int64_t	end = s->since + s->limit;

	if (s->since == 0)
		return INT64_MAX;
	return s->tell_at < end ? s->tell_at : end;
}

enum err_code
acme_silence_code(const struct acme_silence *s)
{
	return s->silent ? ERR_SILENT : ERR_NET;
}
