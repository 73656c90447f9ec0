#include <stdint.h>
#include <string.h>

#include "auditor/cmd/inspect.h"

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
	size_t			 i;

	memset(&in, 0, sizeof(in));
	in.name = "file";
	in.trust = &none;
	in.lines = json_array();
	inspect_file(&in, file);
	json_array_foreach(in.lines, i, line)
		inspect_text(line, &text);
	/* no byte of a file may drive a terminal */
	for (i = 0; i < text.n; i++)
		if ((text.p[i] < ' ' && text.p[i] != '\n') ||
		    text.p[i] == 0x7f)
			__builtin_trap();
	buf_free(&text);
	json_decref(in.lines);
	return 0;
}
