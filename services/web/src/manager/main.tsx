import { start } from "../ui/start.tsx";
import { Manager } from "./manager.tsx";
import "../styles/base.css";
import "../styles/lists.css";
import "./manager.css";

void start("manager", () => <Manager />);
