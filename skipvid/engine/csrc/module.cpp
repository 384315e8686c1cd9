// Python bindings. skipvid/engine/native.py is the only user; it checks arguments.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "core/stream.hpp"
#include "core/tiles.hpp"
#include "ops/ops.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace skipvid {
namespace {

using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Ints = nb::ndarray<const int32_t, nb::c_contig, nb::device::cpu>;
using Bytes = nb::ndarray<const uint8_t, nb::c_contig, nb::device::cpu>;

std::vector<int32_t> ints(const Ints& array) { return {array.data(), array.data() + array.size()}; }
std::vector<float> floats(const Floats& array) { return {array.data(), array.data() + array.size()}; }

struct Func {
    int kind;
    float alpha, beta;
    std::vector<float> slope;
};

// Adds an operator with its inputs, output and activation.
int add(Plan& plan, std::unique_ptr<Op> op, const std::vector<int>& inputs, int output, const Func& f) {
    op->inputs = inputs;
    op->output = output;
    op->activation = {static_cast<Act>(f.kind), f.alpha, f.beta, nullptr};
    if (!f.slope.empty()) {
        op->slope = Buffer(f.slope.size() + 16);
        std::copy(f.slope.begin(), f.slope.end(), op->slope.data());
        op->activation.slope = op->slope.data();
    }
    return plan.add_op(std::move(op));
}

ConvGeometry geometry(const Plan& plan, int input, int output, const std::vector<int>& kernel,
                      const std::vector<int>& stride, const std::vector<int>& dilation, const std::vector<int>& pads,
                      int groups) {
    return {plan.spec(output).channels,
            plan.spec(input).channels,
            kernel.at(0),
            kernel.at(1),
            stride.at(0),
            stride.at(1),
            dilation.at(0),
            dilation.at(1),
            pads.at(0),
            pads.at(1),
            pads.at(2),
            pads.at(3),
            groups};
}

nb::object bool_array(const BitMap& mask) {
    const size_t height = mask.height(), width = mask.width();
    auto* bits = new bool[height * width]();
    for (int y = mask.top(); y < mask.bottom(); ++y)
        for (int x = 0; x < mask.width(); ++x) bits[static_cast<size_t>(y) * width + x] = mask.get(y, x);
    const nb::capsule owner(bits, [](void* p) noexcept { delete[] static_cast<bool*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, bool>(bits, {height, width}, owner));
}

template <class T>
nb::object copied(const std::vector<T>& values) {
    auto* data = new T[values.size() + 1];
    std::copy(values.begin(), values.end(), data);
    const nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, T>(data, {values.size()}, owner));
}

void bind_plan(nb::module_& m) {
    nb::class_<Func>(m, "Func").def("__init__",
                                    [](Func* self, int kind, float alpha, float beta, std::vector<float> slope) {
                                        new (self) Func{kind, alpha, beta, std::move(slope)};
                                    });
    nb::class_<Plan>(m, "Plan")
        .def("__init__", [](Plan* self) { new (self) Plan(choose_kernels()); })
        .def_prop_ro("isa", [](const Plan& p) { return std::string(p.kernels().name); })
        .def("tensor", &Plan::add_tensor)
        .def("conv",
             [](Plan& p, int in, int out, const Floats& weight, const Floats& bias, const std::vector<int>& kernel,
                const std::vector<int>& stride, const std::vector<int>& dilation, const std::vector<int>& pads,
                int groups, bool transposed, double macs, const Func& f) {
                 const ConvGeometry g = geometry(p, in, out, kernel, stride, dilation, pads, groups);
                 auto op = transposed ? make_conv_transpose(p, out, g, weight.data(), bias.data())
                                      : make_conv(p, out, g, weight.data(), bias.data());
                 op->macs = macs;
                 return add(p, std::move(op), {in}, out, f);
             })
        .def("pool",
             [](Plan& p, int in, int out, bool average, bool count_pads, const std::vector<int>& kernel,
                const std::vector<int>& stride, const std::vector<int>& dilation, const std::vector<int>& pads,
                const Func& f) {
                 const PoolGeometry g{average,      count_pads,   kernel.at(0),   kernel.at(1),
                                      stride.at(0), stride.at(1), dilation.at(0), dilation.at(1),
                                      pads.at(0),   pads.at(1),   pads.at(2),     pads.at(3)};
                 return add(p, make_pool(p, out, g), {in}, out, f);
             })
        .def("global_pool", [](Plan& p, int in, int out, bool average,
                               const Func& f) { return add(p, make_global_pool(p, out, average), {in}, out, f); })
        .def("unary", [](Plan& p, int in, int out, const Func& f) { return add(p, make_unary(p, out), {in}, out, f); })
        .def("binary",
             [](Plan& p, const std::vector<int>& in, int out, int kind, const Func& f) {
                 return add(p, make_binary(p, out, static_cast<BinaryKind>(kind), {}), in, out, f);
             })
        .def("binary_constant",
             [](Plan& p, int in, int out, int kind, const Floats& value, bool first, const Func& f) {
                 const ConstantOperand c{static_cast<int>(value.shape(0)), static_cast<int>(value.shape(1)),
                                         static_cast<int>(value.shape(2)), value.data(), first};
                 return add(p, make_binary(p, out, static_cast<BinaryKind>(kind), c), {in}, out, f);
             })
        .def("concat",
             [](Plan& p, const std::vector<int>& in, int out, const Ints& channels) {
                 std::vector<int> sizes;
                 for (const int tensor : in) sizes.push_back(p.spec(tensor).channels);
                 return add(p, make_concat(p, out, sizes, ints(channels)), in, out, {});
             })
        .def("resample",
             [](Plan& p, int in, int out, const Ints& row_index, const Floats& row_weight, const Ints& col_index,
                const Floats& col_weight, float fill) {
                 ResampleTables t{static_cast<int>(row_index.shape(1)),
                                  static_cast<int>(col_index.shape(1)),
                                  ints(row_index),
                                  ints(col_index),
                                  floats(row_weight),
                                  floats(col_weight),
                                  fill};
                 return add(p, make_resample(p, in, out, std::move(t)), {in}, out, {});
             })
        .def("space_to_depth",
             [](Plan& p, int in, int out, int block, const Ints& source) {
                 return add(p, make_space_to_depth(p, out, block, ints(source)), {in}, out, {});
             })
        .def("depth_to_space",
             [](Plan& p, int in, int out, int block, const Ints& source) {
                 return add(p, make_depth_to_space(p, out, block, ints(source)), {in}, out, {});
             })
        .def("softmax",
             [](Plan& p, int in, int out, int groups) { return add(p, make_softmax(p, out, groups), {in}, out, {}); })
        .def("island", [](Plan& p, const std::vector<int>& in, int out, const std::vector<int>& extra, double macs) {
            return add(p, make_island(extra, macs), in, out, {});
        });
}

void bind_stream(nb::module_& m) {
    nb::class_<Stream>(m, "Stream")
        .def("__init__",
             [](Stream* self, std::shared_ptr<Plan> plan, int input, const Floats& table, const std::vector<int>& order,
                const Floats& unit, const Floats& steps, int threads) {
                 new (self)
                     Stream(std::move(plan), input, {floats(table), order, floats(unit), floats(steps)}, threads);
             })
        .def("configure",
             [](Stream& s, float threshold, int dilation, const std::vector<std::vector<int>>& ignore, float low,
                int frames, int radius, float coarse, const std::vector<float>& thresholds,
                const std::vector<int>& norms, const std::vector<std::vector<int>>& opens,
                const std::vector<float>& limits, const std::vector<int>& joined, int structure, int refresh_every) {
                 Rules rules{
                     {threshold, dilation, {}, low, frames, radius, coarse}, {}, {}, {}, structure, refresh_every};
                 rules.joined.assign(s.plan().tensors().size(), false);
                 for (const int tensor : joined) rules.joined.at(tensor) = true;
                 for (const auto& r : ignore) rules.input.ignore.push_back({r.at(0), r.at(1), r.at(2), r.at(3)});
                 for (size_t t = 0; t < s.plan().tensors().size(); ++t)
                     rules.gates.push_back({thresholds.at(t), static_cast<NormKind>(norms.at(t))});
                 for (size_t i = 0; i < opens.size(); ++i) {
                     const auto& o = opens[i];  // operator, kernel, stride, dilation, pads, accumulate, structure
                     rules.opens.push_back({o.at(0),
                                            {o.at(1), o.at(3), o.at(5), o.at(7)},
                                            {o.at(2), o.at(4), o.at(6), o.at(8)},
                                            limits.at(i),
                                            o.at(9) != 0,
                                            o.at(10)});
                 }
                 s.configure(std::move(rules));
             })
        .def("relieve",
             [](Stream& s, const Floats& factors, float common) {
                 s.relieve(floats(factors), static_cast<int>(factors.shape(0)), static_cast<int>(factors.shape(1)),
                           common);
             })
        .def("reset", &Stream::reset)
        .def("use_threads", &Stream::use_threads)
        .def_rw("profiling", &Stream::profiling)
        .def(
            "begin", [](Stream& s, const Floats& x, bool refresh) { s.begin(x.data(), refresh); },
            nb::call_guard<nb::gil_scoped_release>())
        .def(
            "begin_image", [](Stream& s, const Bytes& x, bool refresh) { s.begin_image(x.data(), refresh); },
            nb::call_guard<nb::gil_scoped_release>())
        .def("run", &Stream::run, nb::call_guard<nb::gil_scoped_release>())
        .def("write",
             [](Stream& s, int tensor, const nb::ndarray<const float, nb::ndim<3>, nb::device::cpu>& values) {
                 s.write(tensor, values.data(), values.stride(0), values.stride(1), values.stride(2));
             })
        .def("put",
             [](const Stream& s, int tensor, const nb::ndarray<const int64_t, nb::c_contig, nb::device::cpu>& places,
                int64_t step, bool everywhere, nb::ndarray<float, nb::c_contig, nb::device::cpu> out) {
                 s.put(tensor, places.data(), step, everywhere, out.data());
             })
        .def("count", [](const Stream& s, int op) { return s.counts().at(op); })
        .def("counts", [](const Stream& s) { return copied(s.counts()); })
        .def("op_ms", [](const Stream& s) { return copied(s.ms()); })
        .def("changed", [](const Stream& s, int tensor) { return bool_array(s.map(tensor).changed); })
        .def("any_changed", [](const Stream& s, int tensor) { return !s.map(tensor).changed.empty(); })
        .def("active", [](const Stream& s, int op) { return bool_array(s.active(op)); })
        .def("tensor",
             [](const nb::object& self, int tensor) {
                 auto& stream = nb::cast<Stream&>(self);
                 if (stream.joined(tensor)) stream.restore(tensor);
                 const View& v = stream.map(tensor).view;
                 const size_t shape[3] = {static_cast<size_t>(v.height), static_cast<size_t>(v.width),
                                          static_cast<size_t>(v.channels)};
                 const int64_t strides[3] = {v.row, v.pixel, 1};
                 return nb::cast(nb::ndarray<nb::numpy, const float>(v.data, 3, shape, self, strides));
             })
        .def("heat", [](Stream& s, int height, int width) {
            std::vector<float> cells(static_cast<size_t>(height) * width);
            s.heat(height, width, cells.data());
            return copied(cells);
        });
}

}  // namespace

NB_MODULE(_core, m) {
    bind_plan(m);
    bind_stream(m);
    m.def("activate", [](const Func& f, const Floats& x) {
        std::vector<float> result(x.size());
        choose_kernels().activate({static_cast<Act>(f.kind), f.alpha, f.beta, nullptr}, x.data(), result.data(),
                                  static_cast<int>(x.size()));
        return copied(result);
    });
    m.def("apart", [](const Bytes& first, const Bytes& second, int side) {
        const Apart apart = tiles_apart(first.data(), second.data(), static_cast<int>(first.shape(0)),
                                        static_cast<int>(first.shape(1) * first.shape(2)), side,
                                        static_cast<int>(side * first.shape(2)));
        return nb::make_tuple(copied(apart.largest), copied(apart.total));
    });
}

}  // namespace skipvid
