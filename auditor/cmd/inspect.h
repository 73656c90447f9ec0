#ifndef AUDITOR_CMD_INSPECT_H
#define AUDITOR_CMD_INSPECT_H

#include <jansson.h>
#include <stddef.h>

#include "auditor/cmd/trust.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * Looking at a file of unknown kind.  Nothing here needs a file or a
 * network; the command runs it in a box.
 */

/* One object of a file, and what is around it. */
struct inspect {
	const char	*name;		/* of the file, as shown */
	struct trust	*trust;		/* opened */
	struct span	 sig;		/* beside the file, or p NULL */
	const struct span *certs;	/* certificates of the same file */
	size_t		 ncerts;
	json_t		*lines;		/* what was found, an object each */
	int		 worst;		/* exit status: 0 or 2 */
};

/* What came of a signature. */
enum inspect_sig { INSPECT_VALID, INSPECT_UNCHECKED, INSPECT_INVALID };

/*
 * Look at the bytes of a file and append to in->lines: objects with `file`,
 * `type`, the fields of it, `signature`, `reason`, and `malformed` when the
 * bytes do not have the form of the type.
 */
void inspect_file(struct inspect *, struct span);

/* People's form of a line, appended. */
void inspect_text(const json_t *line, struct buf *);

/* --- between the files of inspect --- */

/* Begin a line; end it (stolen).  Malformed: ${e} says how. */
json_t *inspect_begin(const struct inspect *, const char *type);
void inspect_end(struct inspect *, json_t *, enum inspect_sig,
    const char *reason);
void inspect_malformed(struct inspect *, json_t *, const struct err *);

/* Members: bytes in hex, base64; clean text; a time, none for INT64_MIN. */
void inspect_hex(json_t *, const char *key, const void *, size_t);
void inspect_b64(json_t *, const char *key, const void *, size_t);
void inspect_str(json_t *, const char *key, const char *);
void inspect_time(json_t *, const char *key, int64_t);
void inspect_int(json_t *, const char *key, uint64_t);

/* The log of the verifier with this id: key and description; or -1. */
int inspect_log(const struct inspect *, const uint8_t id[32],
    struct span *key, const char **description);

void inspect_certificate(struct inspect *, struct span der);
/* Members about a certificate or TBS: names, serial, times, hashes. */
int inspect_cert_fields(json_t *, struct span der, int tbs, struct err *);
void inspect_sct_list(struct inspect *, struct span list);
/* One SCT by itself; 0: it is none. */
int inspect_sct(struct inspect *, struct span);
void inspect_crl(struct inspect *, struct span der);
void inspect_ocsp(struct inspect *, struct span der);
void inspect_checkpoint(struct inspect *, struct span);
void inspect_tile(struct inspect *, struct span, int gzip);
/* By its members; 0: it is none of ours. */
int inspect_json(struct inspect *, struct span);

#endif
