// Kernels of an instruction set that this machine lacks, in an emulator, against the portable ones: `make test-neon`.
// Data are small whole numbers where results then are exact in any order; what is not exact has a tolerance.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "../../../skipvid/engine/csrc/kernels/kernels.hpp"

namespace {

using skipvid::Act;
using skipvid::Kernels;
using Floats = std::vector<float>;

constexpr int kSlack = 64;  // floats that kernels may read behind the last value
std::mt19937 random_source(1);
int failures = 0;

Floats whole(size_t n) {
    Floats values(n + kSlack);
    for (float& v : values) v = static_cast<float>(static_cast<int>(random_source() % 7)) - 3.0f;
    return values;
}
Floats real(size_t n) {
    Floats values(n + kSlack);
    std::normal_distribution<float> normal(0.0f, 3.0f);
    for (float& v : values) v = normal(random_source);
    return values;
}

void compare(const std::string& what, const Floats& got, const Floats& expected, float tolerance) {
    for (size_t i = 0; i < expected.size(); ++i) {
        const float bound = tolerance * std::max(1.0f, std::fabs(expected[i]));
        const bool same = got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i]));
        if (same || std::fabs(got[i] - expected[i]) <= bound) continue;
        std::printf("%s: value %zu is %.9g, not %.9g\n", what.c_str(), i, got[i], expected[i]);
        ++failures;
        return;
    }
}

// Scratch of a kernel without the padding behind a pixel's channels.
Floats trimmed(const Floats& scratch, int pixels, int channels, int stride) {
    Floats kept;
    for (int i = 0; i < pixels; ++i)
        kept.insert(kept.end(), scratch.begin() + i * stride, scratch.begin() + i * stride + channels);
    return kept;
}

struct Picture {
    int height = 9, width = 11, channels;
    Floats values;
    explicit Picture(int c, bool exact = true) : channels(c), values(exact ? whole(9 * 11 * c) : real(9 * 11 * c)) {}
    ptrdiff_t row() const { return static_cast<ptrdiff_t>(width) * channels; }
    const float* at(int y, int x) const { return values.data() + y * row() + x * channels; }
};

constexpr skipvid::Limits kLimits{-30.0f, 40.0f};

// A 3x3 convolution at `pixels` places, with panels as wide as the set allows up to `widest` vectors.
Floats convolve(const Kernels& k, const Picture& in, const Floats& weight, const Floats& bias, int out, int widest,
                int pixels, int chunks) {
    const int steps = 9 * in.channels, stride = out + kSlack;
    const int rows = 3, per_row = 3 * in.channels;
    std::vector<skipvid::Segment> segments;
    for (int y = 0; y < rows; ++y) segments.push_back({y * in.row(), per_row});
    std::vector<skipvid::Chunk> parts;
    if (chunks == 1) parts = {{0, 3, 0}};
    if (chunks == 3) parts = {{0, 1, 0}, {1, 1, per_row}, {2, 1, 2 * per_row}};
    std::vector<Floats> packed;
    std::vector<skipvid::Panel> panels;
    for (int first = 0; first < out;) {
        const int vectors = std::min({widest, k.max_vectors, (out - first + k.lanes - 1) / k.lanes});
        const int wide = vectors * k.lanes;
        Floats panel(static_cast<size_t>(steps) * wide, 0.0f);
        for (int s = 0; s < steps; ++s)
            for (int c = 0; c < wide && first + c < out; ++c) panel[s * wide + c] = weight[s * out + first + c];
        packed.push_back(std::move(panel));
        panels.push_back({nullptr, vectors, first, 0});
        first += wide;
    }
    for (size_t p = 0; p < panels.size(); ++p) panels[p].weights = packed[p].data();
    std::vector<const float*> window;
    for (int i = 0; i < pixels; ++i) window.push_back(in.at(i * 5 % 7, i * 3 % 9));
    Floats scratch(static_cast<size_t>(pixels) * stride + kSlack);
    std::vector<float*> results;
    for (int i = 0; i < pixels; ++i) results.push_back(scratch.data() + static_cast<size_t>(i) * stride);
    k.conv({pixels,
            window.data(),
            segments.data(),
            parts.data(),
            static_cast<int>(parts.size()),
            panels.data(),
            static_cast<int>(panels.size()),
            bias.data(),
            results.data(),
            kLimits,
            {}});
    return trimmed(scratch, pixels, out, stride);
}

void check_conv(const Kernels& ours, const Kernels& theirs) {
    for (const int in : {1, 3, 8})
        for (const int out : {1, 4, 7, 16, 21})
            for (const int pixels : {1, 5, 8, 19}) {
                const Picture picture(in);
                const Floats weight = whole(9 * in * out), bias = whole(out);
                const Floats expected = convolve(theirs, picture, weight, bias, out, 1, pixels, 1);
                for (int widest = 1; widest <= ours.max_vectors; ++widest)
                    for (const int chunks : {1, 3})
                        compare("conv, panels of " + std::to_string(widest),
                                convolve(ours, picture, weight, bias, out, widest, pixels, chunks), expected, 0.0f);
            }
}

Floats deep(const Kernels& k, const Picture& in, const Floats& weight, const Floats& bias, int kernel, int step,
            bool side_by_side) {
    const int channels = in.channels, padded = (channels + k.lanes - 1) / k.lanes * k.lanes, stride = padded + kSlack;
    Floats packed(static_cast<size_t>(kernel) * kernel * padded + kSlack), biases(padded + kSlack);
    std::copy_n(bias.begin(), channels, biases.begin());
    std::vector<ptrdiff_t> taps;
    for (int t = 0; t < kernel * kernel; ++t) {
        taps.push_back(t / kernel * in.row() + t % kernel * channels);
        std::copy_n(weight.begin() + t * channels, channels, packed.begin() + t * padded);
    }
    std::vector<const float*> window;
    const int pixels = (in.width - kernel) / step + 1;
    for (int i = 0; i < pixels; ++i) window.push_back(in.at(side_by_side ? 1 : i % 3, i * step));
    Floats scratch(static_cast<size_t>(pixels) * stride + kSlack);
    k.depthwise({pixels, window.data(), taps.data(), kernel * kernel, packed.data(), biases.data(), channels,
                 scratch.data(), stride, kLimits, kernel, kernel, in.row(), channels, step * channels});
    return trimmed(scratch, pixels, channels, stride);
}

void check_depthwise(const Kernels& ours, const Kernels& theirs) {
    for (const int channels : {1, 4, 6, 19})
        for (const int kernel : {2, 3, 5})
            for (const int step : {1, 2})
                for (const bool run : {true, false}) {
                    const Picture picture(channels);
                    const Floats weight = whole(kernel * kernel * channels), bias = whole(channels);
                    compare("depthwise", deep(ours, picture, weight, bias, kernel, step, run),
                            deep(theirs, picture, weight, bias, kernel, step, run), 0.0f);
                }
}

// The map after a commit, and behind it which pixels were committed.
Floats committed(const Kernels& k, const Floats& before, const Floats& scratch, int pixels, int channels,
                 const skipvid::Activation& f, skipvid::CommitMode mode, skipvid::NormKind norm, float threshold) {
    const int stride = channels + kSlack;
    Floats map = before, values = scratch;
    std::vector<float*> target;
    for (int i = 0; i < pixels; ++i) target.push_back(map.data() + i * channels);
    std::vector<uint8_t> marks(pixels, 2);
    k.commit({pixels, channels, target.data(), values.data(), stride, f, mode, norm, threshold, marks.data()});
    map.insert(map.end(), marks.begin(), marks.end());
    return map;
}

void check_commit(const Kernels& ours, const Kernels& theirs) {
    using skipvid::CommitMode, skipvid::NormKind;
    const int pixels = 13;
    for (const int channels : {1, 4, 7, 18}) {
        const Floats before = whole(pixels * channels), slope = whole(channels + 4);
        Floats scratch = whole(pixels * (channels + kSlack));
        for (int i = 0; i < pixels; i += 2)  // every other pixel does not change
            std::copy_n(before.begin() + i * channels, channels, scratch.begin() + i * (channels + kSlack));
        scratch[channels + kSlack] = NAN;
        const skipvid::Activation functions[] = {
            {}, {Act::kRelu}, {Act::kLeakyRelu, 0.25f}, {Act::kPrelu, 0, 0, slope.data()}, {Act::kClip, -1.0f, 2.0f}};
        for (const auto& f : functions)
            for (const auto mode : {CommitMode::kRefresh, CommitMode::kExact, CommitMode::kNorm})
                for (const auto norm : {NormKind::kMax, NormKind::kL2, NormKind::kRms})
                    compare("commit", committed(ours, before, scratch, pixels, channels, f, mode, norm, 2.1f),
                            committed(theirs, before, scratch, pixels, channels, f, mode, norm, 2.1f), 0.0f);
    }
}

void check_functions(const Kernels& ours, const Kernels& theirs) {
    for (int kind = 0; kind <= static_cast<int>(Act::kNeg); ++kind) {
        if (kind == static_cast<int>(Act::kPrelu)) continue;  // with commit
        const skipvid::Activation f{static_cast<Act>(kind), 0.2f, 0.5f, nullptr};
        Floats in = real(1001);
        in[5] = NAN;
        in[6] = f.kind == Act::kExp ? 1.0f : INFINITY;
        in[7] = -0.0f;
        if (f.kind == Act::kSqrt)
            for (float& v : in) v = std::fabs(v);
        Floats got(1001), expected(1001);
        ours.activate(f, in.data(), got.data(), 1001);
        theirs.activate(f, in.data(), expected.data(), 1001);
        compare("activation " + std::to_string(kind), got, expected, 1e-6f);  // fused against separate roundings
    }
}

void check_rest(const Kernels& ours, const Kernels& theirs) {
    const int channels = 7, pixels = 9, stride = channels + kSlack;
    const Picture a(channels), b(channels), soft(channels, false);
    std::vector<const float*> left, right, source;
    std::vector<int16_t> y, x;
    for (int i = 0; i < pixels; ++i) {
        left.push_back(a.at(i, i));
        right.push_back(b.at(i, 9 - i));
        source.push_back(soft.at(i, i));
        y.push_back(static_cast<int16_t>(i < 6 ? 2 : i - 3));
        x.push_back(static_cast<int16_t>(i < 6 ? i : 1));
    }
    const Floats rows = {0.25f, 0.75f}, columns = {0.5f, 0.5f};
    std::vector<int32_t> row_index, column_index;
    Floats row_weight, column_weight;
    for (int i = 0; i < 8; ++i)
        for (int t = 0; t < 2; ++t) {
            row_index.push_back(i + t);
            column_index.push_back(i + t);
            row_weight.push_back(rows[t]);
            column_weight.push_back(columns[t]);
        }
    const auto run = [&](const Kernels& k, int what) {
        Floats out(static_cast<size_t>(pixels) * stride + kSlack);
        if (what < 6)
            k.binary({pixels, channels, static_cast<skipvid::BinaryKind>(what), left.data(), right.data(), false,
                      what % 2 == 1, out.data(), stride});
        if (what == 6 || what == 7)
            k.pool({a.at(0, 0), a.row(), channels,  9,    11,     channels, 3,        3,          1,     1, 1, 1, 1, 1,
                    1,          1,       what == 7, true, pixels, y.data(), x.data(), out.data(), stride});
        if (what == 8)
            k.resample({a.at(0, 0), a.row(), channels, channels, 2, 2, row_index.data(), row_weight.data(),
                        column_index.data(), column_weight.data(), 0.0f, pixels, y.data(), x.data(), out.data(),
                        stride});
        if (what == 9) k.softmax({pixels, channels, 1, source.data(), out.data(), stride});
        if (what == 10) k.reduce_row(a.at(0, 0), channels, 11, channels, false, out.data());
        if (what == 11) k.reduce_row(a.at(0, 0), channels, 11, channels, true, out.data());
        return trimmed(out, what < 10 ? pixels : 1, channels, stride);
    };
    for (int what = 0; what < 12; ++what)
        compare("kernel " + std::to_string(what), run(ours, what), run(theirs, what), what == 9 ? 1e-6f : 0.0f);
}

void check_images(const Kernels& ours, const Kernels& theirs) {
    for (const int width : {1, 15, 64, 65, 200})
        for (const int threshold : {0, 4, 255}) {
            std::vector<uint8_t> image(width * 3), other;
            for (uint8_t& v : image) v = static_cast<uint8_t>(random_source());
            other = image;
            for (int i = 0; i < width * 3; i += 17) other[i] = static_cast<uint8_t>(other[i] + i % 9);
            const std::vector<uint64_t> nowhere(4), near(4, 0xf0f0f00fff00ffffu);
            const auto compared = [&](const Kernels& k, const uint64_t* coarse) {
                std::vector<uint64_t> mask(4);
                k.compare_image({image.data(), other.data(), width, threshold, 7, coarse, mask.data()});
                return mask;
            };
            for (const uint64_t* coarse : {nowhere.data(), near.data()})
                if (compared(ours, coarse) != compared(theirs, coarse))
                    std::printf("compare_image, width %d: other pixels\n", width), ++failures;
            std::vector<float> table(3 * 256);
            for (float& v : table) v = static_cast<float>(random_source() % 1000);
            const int order[3] = {2, 0, 1};
            const auto taken = [&](const Kernels& k, const uint64_t* mask, bool normed) {
                std::vector<float> values(width * 3 + 16), norms(width);
                std::vector<uint8_t> behind = other;
                std::vector<uint64_t> changed(4);
                k.take_image({image.data(), behind.data(), values.data(), 3, width, 3, table.data(), order, nullptr,
                              mask, changed.data(), normed ? norms.data() : nullptr});
                return std::tuple(values, norms, behind, changed);
            };
            for (const uint64_t* mask : {static_cast<const uint64_t*>(nullptr), near.data()})
                for (const bool normed : {false, true})
                    if (taken(ours, mask, normed) != taken(theirs, mask, normed))
                        std::printf("take_image, width %d: other values\n", width), ++failures;
        }
}

// Norms and sums are whole numbers, so that sums are exact in any order.
void check_gates(const Kernels& ours, const Kernels& theirs) {
    constexpr int kWords = 3;
    for (const int stride : {1, 2, 3})
        for (const int kernel : {1, 3, 5})
            for (const bool remembers : {true, false}) {
                const int pad = kernel / 2, width = kWords * 64 * stride - 7;
                const Floats a = whole(width), b = whole(width), c = whole(width), before = whole(kWords * 64);
                const Floats factors(kWords * 64, 2.0f);
                const float* rows[] = {a.data(), b.data(), c.data()};
                const std::vector<uint64_t> reached = {0xf0f0f00fff00ffffu, 5, 0};
                const auto asked = [&](const Kernels& k, int row_count) {
                    Floats columns(kWords * 64 * stride + kernel + kSlack), sums = before;
                    std::vector<uint64_t> mask = reached;
                    k.open_row({rows, row_count, kernel, stride, 1, pad, width, columns.data(),
                                remembers ? sums.data() : nullptr, 1.0f, factors.data(), mask.data(), kWords});
                    std::vector<int32_t> index(2);
                    k.index_rows(mask.data(), kWords, 1, index.data());
                    return std::tuple(mask, sums, index);
                };
                for (const int row_count : {1, 2, 3})
                    if (asked(ours, row_count) != asked(theirs, row_count))
                        std::printf("open_row, stride %d, kernel %d: other pixels\n", stride, kernel), ++failures;
            }
}

}  // namespace

int main() {
    const Kernels &ours = *skipvid::neon_kernels(), &theirs = *skipvid::generic_kernels();
    check_conv(ours, theirs);
    check_depthwise(ours, theirs);
    check_commit(ours, theirs);
    check_functions(ours, theirs);
    check_rest(ours, theirs);
    check_images(ours, theirs);
    check_gates(ours, theirs);
    std::printf("%s against %s: %s\n", ours.name, theirs.name, failures == 0 ? "equal" : "different");
    return failures == 0 ? 0 : 1;
}
