#include "ctlog/note.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "ctlog/witness.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The key of a real log: a note that verifies is one that it signed. */
static const char key[] =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEbNmWXyYsF2pohGOAiNELea6UL4/XioI3w6Ch"
    "E5Udlos0HUqM7KOHIP9qBuWCVs6VAdtDXrvanmxKq52Whh2+2w==";

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct buf	spki;
	struct span		in = { p, n };
	static struct witness	w;
	struct witness		v;
	struct sth		s;
	uint64_t		at;
	char			text[512];

	if (spki.n == 0 && enc_unb64(key, sizeof(key) - 1, &spki) == -1)
		abort();
	if (note_read(in, "willow.ct.letsencrypt.org/2025h1b",
	    buf_bytes(&spki), &s, NULL) == 0 &&
	    sth_verify(&s, buf_bytes(&spki), NULL) == -1)
		abort();
	/* nobody has the key to this one */
	if (w.name[0] == '\0' && witness_make(&w, "witness.example",
	    (const uint8_t *)"0123456789abcdef0123456789abcdef", NULL) == -1)
		abort();
	if (witness_check(in, &w, &at) == WITNESS_GOOD)
		abort();
	if (n < sizeof(text)) {
		memcpy(text, p, n);
		text[n] = '\0';
		(void)witness_read(text, &v, NULL);
	}
	return 0;
}
