/* The layers of a batch of ReLU networks, forward and backward, one network after the other so that it stays in the cache. */

#include "norm.h"

#define BLOCK 256 /* rows that go through all layers together */

/* Room to work in: a right operand, a folded left one, the units of two layers of one network, and normalized ones. */
typedef struct { float *right, *left, *units[2], *normal; } Room;

static int take(Room *room, long rows, long layers, const long *sizes) {
    long widest = LANES;
    for (long l = 0; l <= layers; l++) widest = sizes[l] > widest ? sizes[l] : widest;
    const long right = (rows > widest ? rows : widest) * padded(widest), left = (widest + ROWS) * DEPTH;
    room->right = malloc((right + left + 3 * rows * widest) * sizeof(float));
    room->left = room->right + right;
    room->units[0] = room->left + left;
    room->units[1] = room->units[0] + rows * widest;
    room->normal = room->units[1] + rows * widest;
    return !room->right;
}

/* Whether hidden layers of `n` units can have LayerNorm here. */
int norm_fits(long n) { return can_normalize(n); }

/* normalize and normalize_back for `nets` networks, number i having the scale and shift of place i * step. */
void norms_forward(
    long nets, long step, long rows, long n, const float *units, const float *scale, const float *shift, float *result) {
    for (long net = 0; net < nets; net++) {
        const long place = net * rows * n, own = net * step * n;
        normalize(units + place, scale + own, shift + own, result + place, rows, n);
    }
}

void norms_backward(
    long nets, long step, long rows, long n, const float *units, const float *scale, float *gradient, float *products) {
    for (long net = 0; net < nets; net++) {
        const long place = net * rows * n;
        float *told = products ? products + place : NULL;
        normalize_back(units + place, scale + net * step * n, gradient + place, told, rows, n);
    }
}

/* Layer l has sizes[l] inputs and sizes[l + 1] units, the head being layer number `layers`; network number i has the
   weights of place i * step in weights[l] (networks, inputs, units), and the biases there; so the scales and shifts of
   LayerNorm, where these are given. i / members is the place of its inputs. outputs (nets, outputs, batch) is filled, and
   hidden[l] (nets, batch, units), before any LayerNorm, where hidden is given. Returns 0; 1 where memory is out. */
int forward(
    long nets, long members, long step, long batch, long layers, const long *sizes, const float *inputs, long input_net,
    long input_row, const float **weights, const float **biases, const float **scales, const float **shifts,
    float **hidden, float *outputs) {
    Room room;
    if (take(&room, batch < BLOCK ? batch : BLOCK, layers, sizes)) return 1;
    for (long net = 0; net < nets; net++)
        for (long start = 0; start < batch; start += BLOCK) {
            const long rows = batch - start < BLOCK ? batch - start : BLOCK;
            Left left = {inputs + net / members * input_net + start * input_row, input_row, 1};
            for (long l = 0; l < layers; l++) {
                const long n = sizes[l], m = sizes[l + 1], place = net * step * m;
                const Right right = whole(weights[l] + place * n, n, m, room.right);
                float *units = hidden ? hidden[l] + (net * batch + start) * m : room.units[l % 2];
                multiply(left, right, (Result){units, m, biases[l] + place, NULL}, rows, n, m, room.left);
                if (scales) normalize(units, scales[l] + place, shifts[l] + place, room.normal, rows, m);
                left = (Left){scales ? room.normal : units, m, 1};
            }
            const long n = sizes[layers], m = sizes[layers + 1];
            const float *head = weights[layers] + net * step * n * m, *bias = biases[layers] + net * step * m;
            apply_head(left.data, head, bias, outputs + net * m * batch + start, rows, n, m, batch);
        }
    free(room.right);
    return 0;
}

/* From the gradient of the outputs (nets, batch, sizes[layers + 1]): where by_weights is given, the gradients of all
   weights, of the hidden layers' biases, and of scales and shifts where there are any; and where by_inputs (nets, batch,
   sizes[0] - from) is, that of the inputs from number `from` on. */
int backward(
    long nets, long members, long step, long batch, long layers, const long *sizes, const float *inputs, long input_net,
    long input_row, const float **weights, const float **scales, const float **shifts, float **hidden,
    const float *by_outputs, float **by_weights, float **by_biases, float **by_scales, float **by_shifts,
    float *by_inputs, long from) {
    Room room;
    if (take(&room, batch, layers + 1, sizes)) return 1;
    // The last network first: what the way there left in the cache is its own.
    for (long net = nets - 1; net >= 0; net--) {
        const float *gradient = by_outputs + net * batch * sizes[layers + 1];
        for (long l = layers; l >= 0; l--) {
            const long n = sizes[l], m = sizes[l + 1], first = l ? 0 : from, wide = n - first, place = net * step * n;
            const float *units = l ? hidden[l - 1] + net * batch * n : NULL;
            const float *below = l ? units : inputs + net / members * input_net;
            if (l && scales && by_weights) {
                normalize(units, scales[l - 1] + place, shifts[l - 1] + place, room.normal, batch, n);
                below = room.normal;
            }
            if (by_weights && l == layers) head_gradient(below, gradient, by_weights[l] + net * n * m, batch, n, m);
            if (by_weights && l < layers) {
                const Result result = {by_weights[l] + net * n * m, m, NULL, NULL};
                const Left turned = {below, 1, l ? n : input_row};
                multiply(turned, whole(gradient, batch, m, room.right), result, n, batch, m, room.left);
                add_up(gradient, by_biases[l] + net * m, batch, m);
            }
            if (l == 0 && !by_inputs) continue;
            const Right right = transposed(weights[l] + place * m, first, n, m, room.right);
            float *result = l ? room.units[l % 2] : by_inputs + net * batch * wide;
            const Result masked = {result, wide, NULL, scales ? NULL : units};
            multiply((Left){gradient, m, 1}, right, masked, batch, m, wide, room.left);
            if (l && scales) {
                if (by_weights) add_up(result, by_shifts[l - 1] + net * n, batch, n);
                normalize_back(units, scales[l - 1] + place, result, by_weights ? room.normal : NULL, batch, n);
                if (by_weights) add_up(room.normal, by_scales[l - 1] + net * n, batch, n);
            }
            gradient = result;
        }
    }
    free(room.right);
    return 0;
}
