#include <stdint.h>
#include <string.h>

#include "auditor/cmd/inspect.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A file of any kind, and its form for people. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct trust	 none;
	struct inspect		 in;
	struct span		 file = { p, n };
	struct buf		 text = BUF_INIT;
	json_t			*line;
	const char		*s;
	unsigned long		 v;
	size_t			 i, len;

	memset(&in, 0, sizeof(in));
	in.name = "file";
	in.trust = &none;
	in.lines = json_array();
	inspect_file(&in, file);
	json_array_foreach(in.lines, i, line)
		inspect_text(line, &text);
	/* nothing of a file may drive a terminal */
	for (s = buf_text(&text); *s != '\0'; s += len) {
		len = text_utf8(s, &v);
		if (len == 0 || (*s != '\n' && text_hostile(v)))
			__builtin_trap();
	}
	buf_free(&text);
	json_decref(in.lines);
	return 0;
}
