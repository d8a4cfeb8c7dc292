/* SPDX-License-Identifier: MIT */
#include "server/output.h"

#include "ringcache/status.h"

void rc_output_init(struct rc_output *o)
{
    *o = (struct rc_output){0};
    rc_list_init(&o->loans);
}

static struct rc_loan *loan_of(struct rc_list *node)
{
    return rc_container(node, struct rc_loan, link);
}

static uint64_t end_of(const struct rc_loan *loan)
{
    return loan->at + loan->bytes.len;
}

static void end_loan(struct rc_loan *loan, struct rc_list *over)
{
    rc_list_remove(&loan->link);
    rc_list_append(over, &loan->link);
}

void rc_output_lend(struct rc_output *o, struct rc_loan *loan)
{
    loan->at = o->taken + o->lent + (size_t)(loan->gap - o->own.data);
    o->lent += loan->bytes.len;
    rc_list_append(&o->loans, &loan->link);
}

size_t rc_output_parts(const struct rc_output *o, struct rc_slice *parts, size_t most)
{
    size_t count = 0;
    uint64_t at = o->taken;
    struct rc_slice own = rc_slice(o->own.data, o->own.len);
    struct rc_list *node = o->loans.next;
    for (; node != &o->loans && count + 1 < most; node = node->next) {
        const struct rc_loan *loan = loan_of(node);
        if (loan->at > at) {
            size_t len = (size_t)(loan->at - at);
            parts[count++] = rc_slice(own.data, len);
            own = rc_slice(own.data + len, own.len - len);
            at = loan->at;
        }
        size_t skip = (size_t)(at - loan->at);
        parts[count++] = rc_slice(loan->bytes.data + skip, loan->bytes.len - skip);
        at = end_of(loan);
    }
    if (node == &o->loans && own.len > 0 && count < most) {
        parts[count++] = own;
    }
    return count;
}

void rc_output_take(struct rc_output *o, size_t n, struct rc_list *over)
{
    uint64_t from = o->taken;
    size_t own = n;
    o->taken += n;
    for (struct rc_list *node; (node = rc_list_first(&o->loans)) != NULL;) {
        struct rc_loan *loan = loan_of(node);
        if (loan->at >= o->taken) {
            break;
        }
        uint64_t begin = loan->at > from ? loan->at : from;
        uint64_t end = end_of(loan) < o->taken ? end_of(loan) : o->taken;
        own -= (size_t)(end - begin);
        if (end < end_of(loan)) {
            break;
        }
        end_loan(loan, over);
    }
    o->lent -= n - own;
    rc_buf_consume(&o->own, own);
}

/* What is lent from the offset `end` on goes to `rest`. */
static void split_loans(struct rc_output *o, uint64_t end, struct rc_output *rest)
{
    struct rc_list front;
    rc_list_init(&front);
    for (struct rc_list *node; (node = rc_list_first(&o->loans)) != NULL;) {
        if (loan_of(node)->at >= end) {
            break;
        }
        rc_list_remove(node);
        rc_list_append(&front, node);
    }
    rc_list_splice(&rest->loans, &o->loans);
    rc_list_splice(&o->loans, &front);
}

/* Bytes that are lent and not taken, in front of the offset `end`. */
static size_t lent_before(const struct rc_output *o, uint64_t end)
{
    size_t lent = 0;
    struct rc_list *node = o->loans.next;
    for (; node != &o->loans && loan_of(node)->at < end; node = node->next) {
        uint64_t from = loan_of(node)->at > o->taken ? loan_of(node)->at : o->taken;
        lent += (size_t)(end_of(loan_of(node)) - from);
    }
    return lent;
}

int rc_output_split(struct rc_output *o, size_t keep, struct rc_output *rest)
{
    uint64_t end = o->taken + keep;
    size_t lent = lent_before(o, end), own = keep - lent;
    struct rc_buf front = {.base = NULL};
    if (own > 0 && rc_buf_append(&front, o->own.data, own) < 0) {
        return RINGCACHE_ENOMEM;
    }
    rc_output_init(rest);
    rest->taken = end;
    rest->lent = o->lent - lent;
    rest->own = o->own;
    rc_buf_consume(&rest->own, own);
    split_loans(o, end, rest);
    o->lent = lent;
    o->own = front;
    return 0;
}

struct rc_front rc_output_front(const struct rc_output *o, size_t n)
{
    struct rc_list *first = rc_list_first(&o->loans);
    struct rc_loan *loan = first != NULL ? loan_of(first) : NULL;
    if (loan == NULL || loan->at >= o->taken + n) {
        return (struct rc_front){.own = rc_slice(o->own.data, n)};
    }
    return (struct rc_front){
        .own = rc_slice(o->own.data, n - loan->bytes.len),
        .loan = loan,
        .gap = (size_t)(loan->at - o->taken),
    };
}

void rc_output_release(struct rc_output *o, const struct rc_front *front)
{
    size_t lent = front->loan != NULL ? front->loan->bytes.len : 0;
    if (front->loan != NULL) {
        rc_list_remove(&front->loan->link);
    }
    o->lent -= lent;
    o->taken += front->own.len + lent;
    rc_buf_consume(&o->own, front->own.len);
}

void rc_output_cut(struct rc_output *o, size_t keep, struct rc_list *over)
{
    uint64_t end = o->taken + keep;
    while (!rc_list_empty(&o->loans) && end_of(loan_of(o->loans.prev)) > end) {
        struct rc_loan *loan = loan_of(o->loans.prev);
        uint64_t begin = loan->at > o->taken ? loan->at : o->taken;
        o->lent -= (size_t)(end_of(loan) - begin);
        end_loan(loan, over);
    }
    rc_buf_truncate(&o->own, keep - o->lent);
}
