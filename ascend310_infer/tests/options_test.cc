#include "options.h"

#include "temporary_folder.h"

namespace ssd {
namespace {

std::vector<std::string> with(std::vector<std::string> more) {
  more.insert(more.begin(), {"--mindir_path=a.mindir", "--dataset_path", "images"});
  return more;
}

TEST(Options, DefaultsAndBothWaysToWriteAFlag) {
  const Options options = parse_options(with({}));
  EXPECT_EQ(options.mindir_path, "a.mindir");
  EXPECT_EQ(options.dataset_path, "images");
  EXPECT_EQ(options.device_type, "CPU");
  EXPECT_EQ(options.cpu_dvpp, "CPU");
  EXPECT_EQ(options.image_height, 0);
  EXPECT_GE(options.threads, 1);
  EXPECT_GE(options.decode_threads, 1);
}

TEST(Options, Values) {
  const Options options =
      parse_options(with({"--device_type=ascend", "--device_id=3", "--cpu_dvpp=dvpp", "--aipp_path=a=b.cfg",
                          "--image_height=300", "--image_width=320", "--detections=d.json", "--annotations=i.json",
                          "--classes=background,traffic light", "--min_score=0.25", "--max_boxes=7",
                          "--image_mean=0.5,0.25,0", "--image_std=1,1,0.5", "--float_resize=true"}));
  EXPECT_EQ(options.device_type, "Ascend");
  EXPECT_EQ(options.device_id, 3);
  EXPECT_EQ(options.cpu_dvpp, "DVPP");
  EXPECT_EQ(options.aipp_path, "a=b.cfg");
  EXPECT_EQ(options.image_width, 320);
  EXPECT_EQ(options.classes, (std::vector<std::string>{"background", "traffic light"}));
  EXPECT_EQ(options.min_score, 0.25F);
  EXPECT_EQ(options.max_boxes, 7);
  EXPECT_EQ(options.input_format.mean, (std::array<float, 3>{0.5F, 0.25F, 0}));
  EXPECT_EQ(options.input_format.standard_deviation, (std::array<float, 3>{1, 1, 0.5F}));
  EXPECT_TRUE(options.input_format.float_resize);
}

TEST(Options, ScoreOfTheModel) {
  EXPECT_FALSE(parse_options(with({})).best_score);
  EXPECT_FALSE(parse_options(with({"--min_score=0.25"})).best_score);
  EXPECT_TRUE(parse_options(with({"--min_score=best"})).best_score);
}

TEST(Options, HelpListsAllFlags) {
  EXPECT_TRUE(parse_options({"--help"}).help);
  for (const char *flag : {"mindir_path", "dataset_path", "device_id", "device_type", "aipp_path", "cpu_dvpp",
                           "image_height", "image_width", "detections"}) {
    EXPECT_NE(usage().find(std::string("--") + flag), std::string::npos) << flag;
  }
}

TEST(Options, MistakesAreNamed) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--mindir=a"}, "unknown argument --mindir=a"},
      {{"--device_type=TPU"}, "--device_type is 'TPU'; allowed: Ascend, GPU, CPU"},
      {{"--image_height=300x"}, "--image_height is '300x'; allowed: an integer from 1 to 8192"},
      {{"--max_boxes=1.5"}, "--max_boxes is '1.5'"},
      {{"--min_score=2"}, "allowed: a number from 0 to 1"},
      {{"--min_score="}, "--min_score is ''"},
      {{"--min_score=nan"}, "--min_score is 'nan'"},
      {{"--image_std=1,0,1"}, "--image_std is '1,0,1'"},
      {{"--image_mean=1,2"}, "allowed: three numbers"},
      {{"--threads"}, "--threads needs a value"},
      {{"--threads=1", "--threads=2"}, "--threads is given twice"},
      {{"--image_height=300"}, "go together"},
      {{"--cpu_dvpp=DVPP"}, "use --cpu_dvpp=CPU"},
      {{"--cpu_dvpp=DVPP", "--device_type=Ascend"}, "needs --image_height"},
      {{"--annotations=a.json"}, "is for --detections only"},
      {{"--annotations=a.json", "--detections=d.json"}, "needs --classes"},
  };
  for (const auto &[arguments, message] : cases) {
    const auto found = error_of([&arguments = arguments] { parse_options(with(arguments)); });
    EXPECT_NE(found.find(message), std::string::npos) << found;
  }
  EXPECT_NE(error_of([] { parse_options({}); }).find("--mindir_path and --dataset_path"), std::string::npos);
}

}  // namespace
}  // namespace ssd
