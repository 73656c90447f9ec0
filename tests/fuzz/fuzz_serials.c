#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/csv.h"
#include "auditor/hostport.h"
#include "auditor/markup.h"
#include "auditor/renew.h"
#include "auditor/serials.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A serial number that is taken is in its own canonical form. */
static void
lists(const char *text, size_t n)
{
	struct serials	s = { NULL, NULL, 0, 0, 0 };
	char		*again;
	size_t		i;

	(void)serials_read(&s, text, n, "f", NULL);
	for (i = 0; i < s.n; i++) {
		again = serials_canon(s.serial[i], strlen(s.serial[i]));
		if (again == NULL || strcmp(again, s.serial[i]) != 0 ||
		    (strlen(again) - (again[0] == '-')) % 2 != 0)
			abort();
		free(again);
	}
	serials_free(&s);
}

/* An endpoint that is taken reads back as the same. */
static void
endpoints(const char *text)
{
	struct hostport	h, k;
	char		out[HOSTPORT_TEXT];

	if (hostport_read(text, NULL, &h, NULL) == -1)
		return;
	hostport_text(h.host, h.port, out);
	if (hostport_read(out, NULL, &k, NULL) == -1 || k.port != h.port ||
	    strcmp(k.host, h.host) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char		*text = mem_dup(p, n);
	struct buf	 b = BUF_INIT;
	size_t		 i;

	lists(text, n);
	endpoints(text);
	renew_command(text, &b);
	for (i = 0; i < b.n; i++)
		if (strchr("`$;&|<>\"\\\n", b.p[i]) != NULL)
			abort();
	buf_reset(&b);
	csv_cell(&b, text, 1);
	if (b.n > 1 && strchr("=+-@", b.p[1]) != NULL)
		abort();
	buf_reset(&b);
	markup_text(&b, text);
	for (i = 0; i < b.n; i++)
		if (b.p[i] < 0x20 || strchr("<>\"'", b.p[i]) != NULL)
			abort();
	buf_free(&b);
	free(text);
	return 0;
}
