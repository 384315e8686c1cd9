// Inverted residuals (MobileNetV2) as one operator. The expanded map is several times as wide as what goes in and comes
// out, and would be most of a network's memory traffic. Here it exists in a window of a few rows only, which slides
// down a strip of the picture: rows are computed in front of it and read behind.
#include <algorithm>
#include <cstring>

#include "ops.hpp"

namespace skipvid {
namespace {

constexpr ptrdiff_t kWindowFloats = 48 * 1024;  // stays in the second-level cache
constexpr int kStrip = 48;                      // most columns of the output in a strip
constexpr int kRows = 8;                        // most rows of the output computed from one position of the window
constexpr int kBlock = 48;                      // pixels at a time
constexpr int kSlack = 64;                      // floats behind the window that kernels may read

class InvertedWalk : public Walk {
  public:
    InvertedWalk(const Plan& plan, const InvertedResidual& ops)
        : kernels_(plan.kernels()),
          ops_(ops),
          expand_(*plan.ops()[ops.expand]),
          middle_(*plan.ops()[ops.depthwise]),
          project_(*plan.ops()[ops.project]),
          source_(plan.spec(expand_.output)),
          target_(plan.spec(middle_.output)),
          channels_(plan.spec(project_.output).channels) {
        const Axis &v = ops.depthwise_node->vertical, &h = ops.depthwise_node->horizontal;
        const auto span = [](const Axis& axis, int outputs) {
            return (outputs - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
        };
        const auto floats = [&](int rows) {
            return static_cast<ptrdiff_t>(span(v, rows)) * span(h, width_) * source_.channels;
        };
        strips_ = div_up(target_.width, kStrip);
        for (;; ++strips_) {
            width_ = div_up(target_.width, strips_);
            rows_ = kRows;
            while (rows_ > 1 && floats(rows_) > kWindowFloats) --rows_;
            if (rows_ > 1 || width_ <= kBlock / 6) break;
        }
        columns_ = span(h, width_);
        depth_ = span(v, rows_);
        window_.view = {nullptr,          static_cast<ptrdiff_t>(columns_) * source_.channels,
                        source_.channels, source_.height,
                        source_.width,    source_.channels};
        depthwise_ = middle_.bind_to(window_, target_.height);
        stride = ops.add != nullptr ? ops.add->stride : ops.project_node->stride;
        cost = depthwise_->cost + ops.project_node->cost + ops.expand_node->cost * h.stride * v.stride;
        rows_at_ = floats(rows_) + kSlack;
        const int widest = std::max(ops.expand_node->stride, depthwise_->stride);
        scratch =
            static_cast<size_t>(rows_at_) + static_cast<size_t>(kBlock) * (widest + ops.project_node->stride + stride);
    }
    void read(const BitMap& active, BitMap& needed) const override {
        transposed_footprint(active, depthwise_->vertical, depthwise_->horizontal, needed);
    }
    int divide(const BitMap& active, int threads) const override {
        if (threads == 1) return strips_;
        const int most = std::max(1, (active.bottom() - active.top()) / (2 * rows_));
        return strips_ * std::min(most, div_up(4 * threads, strips_));
    }
    void run(int part, int parts, const Area& area, float* scratch, int worker, const Sink& sink) const override {
        const BitMap& active = area.active;
        const int ranges = parts / strips_, range = part / strips_, rows = active.bottom() - active.top();
        Strip strip{area, scratch, worker, sink};
        strip.left = part % strips_ * width_;
        strip.right = std::min(target_.width, strip.left + width_);
        strip.first = strip.left * depthwise_->horizontal.stride - depthwise_->horizontal.pad;
        clear_borders(strip);
        const int end = active.top() + rows * (range + 1) / ranges;
        for (int y = active.top() + rows * range / ranges; y < end; y += rows_)
            step(strip, y, std::min(y + rows_, end));
    }

  private:
    // A strip of the picture, and the window's position in it.
    struct Strip {
        const Area& area;
        float* window;
        int worker;
        const Sink& sink;
        int left = 0, right = 0;          // columns of the output
        int first = 0;                    // column of the expanded map that the window begins with
        int top = -kFar, filled = -kFar;  // its first row, and the first that is not there yet
    };
    static constexpr int kFar = 1 << 20;

    float* row(const Strip& s, int y) const { return s.window + (y - s.top) * window_.view.row; }

    // What lies beside the map is zero in every row, and never written.
    void clear_borders(const Strip& s) const {
        const int channels = source_.channels;
        const int before = std::min(columns_, std::max(0, -s.first));
        const int inside = std::clamp(source_.width - s.first, 0, columns_);
        for (int r = 0; r < depth_; ++r) {
            float* line = s.window + r * window_.view.row;
            std::fill_n(line, before * channels, 0.0f);
            std::fill_n(line + static_cast<ptrdiff_t>(inside) * channels, (columns_ - inside) * channels, 0.0f);
        }
    }
    // Rows [begin, end) of the output.
    void step(Strip& s, int begin, int end) const {
        bool any = false;
        for (int y = begin; y < end && !any; ++y) any = s.area.active.holds(y, s.left, s.right);
        if (!any) return;
        const Axis& v = depthwise_->vertical;
        const int top = begin * v.stride - v.pad;
        const int bottom = (end - 1) * v.stride - v.pad + (v.kernel - 1) * v.dilation + 1;
        if (s.filled > top)
            std::memmove(s.window, row(s, top), static_cast<size_t>(s.filled - top) * window_.view.row * sizeof(float));
        else
            s.filled = top;
        s.top = top;
        fill(s, bottom);
        s.filled = std::max(s.filled, bottom);
        compute(s, begin, end);
    }
    // Computes what is read of the expanded map, down to row `bottom`.
    void fill(const Strip& s, int bottom) const {
        const int first = std::max(0, s.first), last = std::min(source_.width, s.first + columns_);
        float* values = s.window + rows_at_;
        float* target[kBlock];
        Pixels px;
        const auto flush = [&] {
            if (px.n == 0) return;
            if (ops_.expand_node->direct) {
                ops_.expand_node->compute({.pixels = &px, .scratch = values, .rows = target});
            } else {
                ops_.expand_node->compute({&px, values});
                kernels_.commit({px.n, source_.channels, target, values, ops_.expand_node->stride, expand_.left(),
                                 CommitMode::kRefresh, NormKind::kMax, 0.0f, nullptr});
            }
            px.n = 0;
        };
        for (int y = s.filled; y < bottom; ++y) {
            float* line = row(s, y);
            if (y < 0 || y >= source_.height) {
                std::fill_n(line, window_.view.row, 0.0f);
                continue;
            }
            s.area.read.each(y, first, last, [&](int x) {
                target[px.n] = line + static_cast<ptrdiff_t>(x - s.first) * source_.channels;
                px.add(y, x);
                if (px.n == kBlock) flush();
            });
        }
        flush();
    }
    void compute(const Strip& s, int begin, int end) const {
        const Node &project = *ops_.project_node, *add = ops_.add;
        const float* origin = s.window - s.top * window_.view.row - s.first * window_.view.pixel;
        float* between = s.window + rows_at_;
        float* projected = between + static_cast<ptrdiff_t>(kBlock) * depthwise_->stride;
        float* added = projected + static_cast<ptrdiff_t>(kBlock) * project.stride;
        Pixels px;
        const auto flush = [&] {
            if (px.n == 0) return;
            depthwise_->compute_at(origin, {&px, between});
            activate_rows(kernels_, middle_.left(), target_.channels, px.n, between, depthwise_->stride);
            project.compute_from(0, between, depthwise_->stride, {&px, projected});
            if (add != nullptr) {
                activate_rows(kernels_, project_.left(), channels_, px.n, projected, project.stride);
                add->compute_from(ops_.input, projected, project.stride, {&px, added});
            }
            s.sink(px, add != nullptr ? added : projected, s.worker);
            px.n = 0;
        };
        for (int y = begin; y < end; ++y)
            s.area.active.each(y, s.left, s.right, [&](int x) {
                px.add(y, x);
                if (px.n == kBlock) flush();
            });
        flush();
    }

    const Kernels& kernels_;
    const InvertedResidual ops_;
    const Op &expand_, &middle_, &project_;
    const TensorSpec &source_, &target_;  // the expanded map, and the one behind the depthwise convolution
    int channels_;                        // of what is projected to
    Map window_;                          // what the depthwise convolution reads, wherever it lies
    std::unique_ptr<Node> depthwise_;
    int strips_ = 1, width_ = 1, rows_ = 1;  // strips of the picture, their columns, and rows of the output at a time
    int columns_ = 1, depth_ = 1;            // of the window
    ptrdiff_t rows_at_ = 0;                  // of scratch, behind the window
};

}  // namespace

std::unique_ptr<Walk> walk_inverted(const Plan& plan, const InvertedResidual& ops) {
    return std::make_unique<InvertedWalk>(plan, ops);
}

}  // namespace skipvid
