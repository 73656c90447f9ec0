#include "auditor/alert/digest.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auditor/alert/message.h"
#include "base/clk.h"

#define LISTED	30	/* lines of one list */

int
digest_due(const char *at, int64_t now, int64_t *due, struct err *e)
{
	struct tm tm;
	time_t t;
	int h, m, n;

	n = 0;
	if (sscanf(at, "%2d:%2d%n", &h, &m, &n) != 2 || at[n] != '\0' ||
	    h < 0 || h > 23 || m < 0 || m > 59)
		return err_set(e, ERR_CONF, "digest.at: \"%s\" is no time of "
		    "day; \"08:00\" would be", at);
	t = (time_t)(now / CLK_SEC);
	if (localtime_r(&t, &tm) == NULL)
		return err_set(e, ERR_SYS, "digest: no local time");
	tm.tm_hour = h;
	tm.tm_min = m;
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	t = mktime(&tm);
	if ((int64_t)t * CLK_SEC > now) {
		tm.tm_mday--;
		tm.tm_hour = h;
		tm.tm_min = m;
		tm.tm_isdst = -1;
		t = mktime(&tm);
	}
	*due = (int64_t)t * CLK_SEC;
	return 0;
}

static void
put_list(const json_t *part, const char *title, struct buf *out)
{
	const json_t *list, *f;
	json_int_t n;
	size_t i;

	n = json_integer_value(json_object_get(part, "count"));
	buf_fmt(out, "%s: %lld\n", title, (long long)n);
	list = json_object_get(part, "list");
	for (i = 0; i < json_array_size(list) && i < LISTED; i++) {
		f = json_array_get(list, i);
		buf_str(out, "  ");
		if (json_is_integer(json_object_get(f, "id")))
			buf_fmt(out, "%lld ", (long long)json_integer_value(
			    json_object_get(f, "id")));
		buf_fmt(out, "%s %s ", message_get(f, "severity"),
		    message_get(f, "kind"));
		message_clean(out, message_get(f, "name"), 200,
		    message_get(f, "subject"));
		if (message_get(f, "issuer_owner")[0] != '\0') {
			buf_str(out, ", ");
			message_clean(out, message_get(f, "issuer_owner"),
			    100, "");
		}
		buf_str(out, ": ");
		message_clean(out, message_get(f, "reason"), 200, "-");
		buf_str(out, "\n");
	}
	if ((size_t)n > i)
		buf_fmt(out, "  and %lld more\n", (long long)n - (long long)i);
}

void
digest_text(const json_t *d, size_t cap, struct buf *out)
{
	static const struct {
		const char	*key;
		const char	*title;
	} parts[] = {
		{ "lowered", "Lowered by policy" },
		{ "muted", "Muted by a silence" },
		{ "silent", "Silent: ordered, or declared" },
		{ "resolved", "Resolved" },
		{ "retracted", "Retracted: declared since" },
	};
	const json_t *open;
	json_t *v;
	const char *key;
	struct buf b = BUF_INIT;
	size_t i;

	open = json_object_get(d, "open");
	buf_fmt(&b, "certvigil digest, %s to %s\nOpen:",
	    message_get(d, "since"), message_get(d, "until"));
	if (json_object_size(open) == 0)
		buf_str(&b, " nothing");
	json_object_foreach((json_t *)(uintptr_t)open, key, v)
		buf_fmt(&b, " %s %lld", key, (long long)json_integer_value(v));
	buf_str(&b, "\n");
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		put_list(json_object_get(d, parts[i].key), parts[i].title, &b);
	if (b.n > cap) {
		b.n = cap;
		while (b.n > 0 && b.p[b.n - 1] != '\n')
			b.n--;
		b.p[b.n] = '\0';
	}
	buf_str(out, buf_text(&b));
	buf_free(&b);
}
