/* Made by made_witness.py: do not edit. */
#ifndef TESTS_UNIT_CTLOG_MADE_WITNESS_H
#define TESTS_UNIT_CTLOG_MADE_WITNESS_H

static const char made_vkey1[] =
    "witness.example/w1+d01b011e+BHhlcoMy4DpjtkQrQu+Y7rHU"
    "vv0enFAyuD1w9k5fVRpQ";
/* 72 bytes */
static const char made_vkey2[] =
    "w2+2db9bd6e+BF/5v7c/jyyvumJt1ZvaDrSAO9Ji7fFA/27sY5c2"
    "kTIc";
/* 56 bytes */
static const char made_both[] =
    "log.example/2026\n"
    "1234567\n"
    "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n"
    "\n"
    "\xe2\x80\x94" " witness.example/w1 AAAAAAAAAAAA\n"
    "\xe2\x80\x94" " witness.example/w1 0BsBHgAAAABlU/EBtrxZIjDZE9UgmIK"
    "paPtZf7ck5Txuk9BHVvMZUEN5RTd4dO+54ftM74oTmbkqyVewONX"
    "mPUV/QjjJ3JaGFydTBQ==\n"
    "\xe2\x80\x94" " log.example/2026 AAAAAAAAAAAA\n"
    "\xe2\x80\x94" " w2 Lbm9bgAAAABlU/ECn7XzmjWv8haM1B+KwTW/UoJ1+eVM/Fc"
    "OQ+mIyTlTWlbSKZnIFSqp7CV6vLsLa0vQ8mJpgeQhLngrjV02R+q"
    "eAw==\n";
/* 381 bytes */
static const char made_first[] =
    "log.example/2026\n"
    "1234567\n"
    "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n"
    "\n"
    "\xe2\x80\x94" " log.example/2026 AAAAAAAAAAAA\n"
    "\xe2\x80\x94" " witness.example/w1 0BsBHgAAAABlU/EBtrxZIjDZE9UgmIK"
    "paPtZf7ck5Txuk9BHVvMZUEN5RTd4dO+54ftM74oTmbkqyVewONX"
    "mPUV/QjjJ3JaGFydTBQ==\n";
/* 233 bytes */
static const char made_other_root[] =
    "log.example/2026\n"
    "1234567\n"
    "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n"
    "\n"
    "\xe2\x80\x94" " log.example/2026 AAAAAAAAAAAA\n"
    "\xe2\x80\x94" " witness.example/w1 0BsBHgAAAABlU/EBgf09w0dv4loNxYq"
    "+Wf9N3Tyly99siz1AAcVYb7/c9h9EfLM7UiwQAD6i7jdM8PZqXeo"
    "yH5CL4fMh/6eQ6QlmDg==\n";
/* 233 bytes */
static const char made_no_time[] =
    "log.example/2026\n"
    "1234567\n"
    "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n"
    "\n"
    "\xe2\x80\x94" " log.example/2026 AAAAAAAAAAAA\n"
    "\xe2\x80\x94" " witness.example/w1 0BsBHgAAAABlU/EBMMA9mlm3Nluln4+"
    "UUaHfL/bX2ESJ+3rGyZ03kCv+TWzS52X+JeCZlWZfDMvDsSgC6ls"
    "p2HMgUpShALDvpUhhAQ==\n";
/* 233 bytes */
static const char made_named[] =
    "log.example/2026\n"
    "1234567\n"
    "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n"
    "\n"
    "\xe2\x80\x94" " log.example/2026 AAAAAAAAAAAA\n"
    "\xe2\x80\x94" " w2 0BsBHgAAAABlU/EBtrxZIjDZE9UgmIKpaPtZf7ck5Txuk9B"
    "HVvMZUEN5RTd4dO+54ftM74oTmbkqyVewONXmPUV/QjjJ3JaGFyd"
    "TBQ==\n";
/* 217 bytes */
static const char made_again[] =
    "log.example/2026\n"
    "1234567\n"
    "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n"
    "\n"
    "\xe2\x80\x94" " log.example/2026 AAAAAAAAAAAA\n"
    "\xe2\x80\x94" " witness.example/w1 0BsBHgAAAABlU/EBXasS6AyBKjlcH48"
    "gNxM8/sRraT+xPEM27SjUAIKu0kyfFfhwosqK7KQG6i7a1viNki5"
    "R6jz91Bz5PEwSslGbBQ==\n"
    "\xe2\x80\x94" " witness.example/w1 0BsBHgAAAABlU/ED285vfxrCLoyOecg"
    "NizQBKmiH0Cx+5oGb0tys9t4kFwDFKRUrZXsRWFVCz5kulL35gnS"
    "1fMKb4HEoVGiKh3ObDw==\n";
/* 361 bytes */

#endif
