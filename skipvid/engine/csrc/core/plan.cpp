#include "plan.hpp"

#include <stdexcept>

namespace skipvid {

int Plan::add_tensor(int height, int width, int channels) {
    if (height < 1 || width < 1 || channels < 1 || height > 32767 || width > 32767)
        throw std::invalid_argument("a map's sides must lie between 1 and 32767 and it needs a channel");
    tensors_.push_back({height, width, channels});
    return static_cast<int>(tensors_.size()) - 1;
}

int Plan::add_op(std::unique_ptr<Op> op) {
    for (const int tensor : op->inputs) tensors_.at(tensor);
    tensors_.at(op->output);
    ops_.push_back(std::move(op));
    return static_cast<int>(ops_.size()) - 1;
}

}  // namespace skipvid
