#include "auditor/report_csv.h"

#include <stdio.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/csv.h"
#include "auditor/report.h"

#define COLS	13

static const char *const columns[COLS] = { "section", "id", "severity",
	"state", "kind", "name", "subject", "owner", "issuer_owner", "since",
	"until", "reason", "fingerprint" };

/* Which field of a section's rows stands in which column; NULL: none. */
static const struct {
	const char	*section;
	const char	*field[COLS];
} sections[] = {
	{ "new", { NULL, NULL, NULL, "decision", "rule", "names",
	  "tbs_sha256", "owners", "issuer_owner", "first_seen", "not_after",
	  "reason", "tbs_sha256" } },
	{ "changed", { NULL, NULL, NULL, NULL, "event", "name", "subject",
	  NULL, NULL, "at", NULL, "text", NULL } },
	{ "open", { NULL, "id", "severity", "state", "kind", "name",
	  "subject", "owner", "issuer_owner", "first_seen", "last_seen",
	  "reason", "fingerprint" } },
	{ "silenced", { NULL, "id", "severity", "state", "kind", "name",
	  "subject", "owner", "issuer_owner", "first_seen", "last_seen",
	  "reason", "fingerprint" } },
	{ "baseline", { NULL, NULL, NULL, NULL, NULL, "names", "tbs_sha256",
	  "owners", "issuer_owner", "first_seen", "not_after", NULL,
	  "tbs_sha256" } },
	{ "unchecked", { NULL, NULL, NULL, NULL, "what", NULL, "subject",
	  NULL, NULL, "since", "last_ok", "why", NULL } },
	{ "coverage", { NULL, NULL, NULL, NULL, NULL, "description", "log_id",
	  NULL, NULL, "day_from", "day_to", "last_error", NULL } },
};

/* A field as text: strings, numbers, lists parted by blanks. */
static void
field(const json_t *o, const char *key, struct buf *out)
{
	const json_t	*v = json_object_get(o, key);
	size_t		 i;

	if (json_is_string(v))
		buf_str(out, json_string_value(v));
	else if (json_is_integer(v))
		buf_fmt(out, "%lld", (long long)json_integer_value(v));
	for (i = 0; json_is_array(v) && i < json_array_size(v); i++)
		buf_fmt(out, "%s%s", i > 0 ? " " : "",
		    json_string_value(json_array_get(v, i)));
}

static void
row(const json_t *o, size_t section, struct buf *out)
{
	struct buf	 cell = BUF_INIT;
	const char	*key;
	char		 print[65];
	size_t		 c;

	csv_cell(out, sections[section].section, 1);
	for (c = 1; c < COLS; c++) {
		buf_reset(&cell);
		if ((key = sections[section].field[c]) != NULL)
			field(o, key, &cell);
		else if (c == COLS - 1 &&
		    strcmp(sections[section].section, "unchecked") == 0) {
			report_fingerprint(o, print);
			buf_str(&cell, print);
		}
		csv_cell(out, buf_text(&cell), 0);
	}
	csv_end(out);
	buf_free(&cell);
}

void
report_csv(const json_t *r, struct buf *out)
{
	const json_t	*a;
	size_t		 i, k;

	for (i = 0; i < COLS; i++)
		csv_cell(out, columns[i], i == 0);
	csv_end(out);
	csv_cell(out, "summary", 1);
	for (i = 1; i < COLS; i++)
		csv_cell(out, i == 9 ? message_get(r, "since") :
		    i == 10 ? message_get(r, "until") :
		    i == 11 ? message_get(r, "first_line") : NULL, 0);
	csv_end(out);
	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		a = report_list(r, sections[i].section);
		for (k = 0; k < json_array_size(a); k++)
			row(json_array_get(a, k), i, out);
	}
}
